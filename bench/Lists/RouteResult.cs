namespace ContinualService.Bench.Lists;

/// <summary>What was measured of one route.</summary>
/// <param name="Saturated">Null where it was not asked for.</param>
public sealed record RouteResult(ListRoute Route, LoadResult Paced, LoadResult? Saturated, IReadOnlyList<string> Plans);
