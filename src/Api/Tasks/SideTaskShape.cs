using ContinualService.Domain;
using ContinualService.Domain.Tasks;

namespace ContinualService.Api.Tasks;

/// <summary>What the answers of previews, replays and unlearnings say of their tasks.</summary>
internal static class SideTaskShape
{
    public static SideProgress SideProgress(this LearningTask task) => new(task.Percent, task.Phase is { } phase ? WireName.Of(phase) : null, task.SecondsRemaining);

    /// <summary>Null unless it failed.</summary>
    public static TaskFailure? Failure(this LearningTask task) =>
        task.FailureCode is { } code ? new TaskFailure(WireName.Of(code), task.FailureMessage ?? "", task.FailureIsUserError ?? false) : null;
}
