namespace ContinualService.Domain.Unlearnings;

/// <summary>One task taken out of an adapter's lineage; its state, progress and failure are those of its own task.</summary>
public sealed class Unlearning
{
    public required string Id { get; init; }

    public required string AdapterId { get; init; }

    /// <summary>The task of kind <see cref="Tasks.LearningTaskKind.Unlearning"/> that does it.</summary>
    public required string TaskId { get; init; }

    /// <summary>The head when it was asked for: the lineage that the task is taken out of.</summary>
    public int VersionNumber { get; init; }

    /// <summary>The task that is to be unlearned.</summary>
    public required string RemovedTaskId { get; init; }

    public UnlearnMode Mode { get; init; }
}
