namespace ContinualService.Api.Replays;

/// <summary>A replay. An empty object asks for that of the head.</summary>
public sealed class CreateReplayRequest
{
    /// <summary>The version whose lineage is trained once more; absent: the head.</summary>
    public int? Version { get; init; }

    /// <summary>What counts as the same where the bits are not: a tensor may differ by this share of its largest magnitude, 0 to 1; default 0.01.</summary>
    public double? Tolerance { get; init; }
}
