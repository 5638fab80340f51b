namespace ContinualService.Domain.Tasks;

/// <summary>What a running task is doing, in this order.</summary>
public enum LearningTaskPhase
{
    Preparing,
    Training,
    Merging,
    Evaluating,
    Publishing,
}
