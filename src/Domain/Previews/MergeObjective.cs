namespace ContinualService.Domain.Previews;

/// <summary>What a lambda is chosen for.</summary>
public enum MergeObjective
{
    /// <summary>The mean score of all tasks.</summary>
    AverageAccuracy,

    /// <summary>The score of the newest task.</summary>
    NewTask,
}
