namespace ContinualService.Api.Replays;

/// <summary>A field of a version's manifest that is not the same where it was trained again.</summary>
/// <param name="Field">code, torch, device, processor, threads or precision.</param>
/// <param name="Stored">When the version was made; null: it was not written down then.</param>
/// <param name="Here">Now.</param>
public sealed record EnvironmentDifference(string Field, string? Stored, string Here);
