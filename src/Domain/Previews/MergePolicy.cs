namespace ContinualService.Domain.Previews;

/// <summary>How a lambda is chosen from a curve.</summary>
/// <param name="Objective">What is to be as high as it can be.</param>
/// <param name="LargestForgetting">No earlier task may have lost more than this; null: no bound.</param>
public sealed record MergePolicy(MergeObjective Objective = MergeObjective.AverageAccuracy, double? LargestForgetting = null)
{
    /// <summary>The best point within the bound that the adapter's gate lets through; null where none is. Of equals one lambda before a schedule, then the method's own, else the nearest to it, else the smaller.</summary>
    public MergePoint? Choose(IReadOnlyList<MergePoint> curve, double ownLambda) => curve
        .Where(point => point.Gate is not { Accepted: false })
        .Where(point => LargestForgetting is not { } bound || (point.WorstForgetting ?? 0) <= bound)
        .OrderByDescending(point => Objective == MergeObjective.NewTask ? point.NewTask.Score : point.AverageAccuracy)
        .ThenBy(point => point.Merge.Lambda is null).ThenBy(point => Math.Abs(point.Lambda - ownLambda)).ThenBy(point => point.Lambda)
        .FirstOrDefault();
}
