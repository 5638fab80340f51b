namespace ContinualService.Domain.Tasks;

/// <summary>Where a task stands; the last three are final, until a client retries a task that failed or was cancelled.</summary>
public enum LearningTaskStatus
{
    Queued,
    Running,

    /// <summary>Put aside by its owner; later tasks of the adapter wait behind it.</summary>
    Paused,
    Succeeded,
    Failed,
    Cancelled,
}
