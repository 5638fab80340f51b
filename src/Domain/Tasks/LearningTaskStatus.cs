namespace ContinualService.Domain.Tasks;

/// <summary>Where a task stands; the last three are final.</summary>
public enum LearningTaskStatus
{
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}
