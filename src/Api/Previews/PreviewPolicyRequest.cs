using ContinualService.Domain.Previews;

namespace ContinualService.Api.Previews;

/// <summary>How a lambda is chosen from the curve. Of equals the method's own is taken.</summary>
public sealed class PreviewPolicyRequest
{
    /// <summary>What is to be highest: averageAccuracy (default), the mean of all tasks, or newTask, the newest task's score.</summary>
    public MergeObjective? Objective { get; init; }

    /// <summary>No earlier task may lose more than this against its best score before; in the metric's unit, 0 or more. Absent: no bound.</summary>
    public double? LargestForgetting { get; init; }
}
