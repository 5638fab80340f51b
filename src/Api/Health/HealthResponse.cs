namespace ContinualService.Api.Health;

/// <summary>A probe's answer.</summary>
/// <param name="Status">live or ready.</param>
public sealed record HealthResponse(string Status);
