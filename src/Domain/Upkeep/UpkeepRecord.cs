namespace ContinualService.Domain.Upkeep;

/// <summary>A chore that one worker does for all, and how far it got.</summary>
public sealed class UpkeepRecord
{
    public required string Name { get; init; }

    /// <summary>When it was last done to its end.</summary>
    public DateTimeOffset DoneAt { get; set; }

    /// <summary>What finished before this moment needs no further look; null: the chore looks at everything each time.</summary>
    public DateTimeOffset? Until { get; set; }
}
