namespace ContinualService.Infrastructure.Health;

/// <summary>The answer of /health/live.</summary>
/// <param name="Status">live.</param>
public sealed record LivenessReport(string Status);
