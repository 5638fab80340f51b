namespace ContinualService.Api.Adapters;

/// <summary>What an alias names now.</summary>
/// <param name="Name">Such as live.</param>
/// <param name="Version">The version's number.</param>
/// <param name="UpdatedAt">Since when.</param>
public sealed record AliasTarget(string Name, int Version, DateTimeOffset UpdatedAt);
