using ContinualService.Api.Tasks;

namespace ContinualService.Api.Unlearnings;

/// <summary>A task that is taken out of an adapter's lineage. Nothing is overwritten or deleted: versions without it are published beside those with it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="AdapterId">Whose task.</param>
/// <param name="Task">Id of the task that is unlearned.</param>
/// <param name="TaskName">Its name.</param>
/// <param name="Mode">exact or approximate; the versions are labelled with it.</param>
/// <param name="FromVersion">The head when it was asked for: the lineage that the task is taken out of.</param>
/// <param name="Status">queued, running, succeeded, failed or cancelled.</param>
/// <param name="Progress">How far it is.</param>
/// <param name="Versions">What was published, one for each task that had to be made again; the last became head and live. Empty before the end.</param>
/// <param name="StillHeldBy">The versions that hold the task, with the names that point at them: they stay, and answer to whoever asks for them.</param>
/// <param name="Failure">Why it failed; null unless it did.</param>
/// <param name="CreatedAt">When it was asked for.</param>
public sealed record UnlearningResponse(
    string Id, string AdapterId, string Task, string TaskName, string Mode, int FromVersion, string Status, SideProgress Progress, IReadOnlyList<int> Versions,
    IReadOnlyList<HoldingVersion> StillHeldBy, TaskFailure? Failure, DateTimeOffset CreatedAt);
