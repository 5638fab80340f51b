namespace ContinualService.Bench.Lists;

/// <summary>One kind of request that is measured by itself.</summary>
/// <param name="Name">As the report calls it.</param>
/// <param name="Next">The next request: another tenant, cursor or object each time.</param>
/// <param name="IsFloor">True for the request that does nothing: what every other costs at least on this machine at this time.</param>
public sealed record ListRoute(string Name, Func<Random, Target> Next, bool IsFloor = false);
