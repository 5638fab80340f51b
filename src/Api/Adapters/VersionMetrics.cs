namespace ContinualService.Api.Adapters;

/// <summary>A version's headline numbers; the matrix names their formulas. Null where there are too few tasks or scores.</summary>
public sealed record VersionMetrics(double? AverageAccuracy, double? BackwardTransfer, double? Forgetting);
