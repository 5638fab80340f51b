namespace ContinualService.Bench.Lists;

/// <summary>One request to send.</summary>
/// <param name="Path">Path and query.</param>
/// <param name="Key">The API key of its sender; null: none is sent.</param>
public sealed record Target(string Path, string? Key);
