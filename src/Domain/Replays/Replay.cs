namespace ContinualService.Domain.Replays;

/// <summary>A version's lineage trained once more, to see whether the same comes out; its state, progress and failure are those of its task.</summary>
public sealed class Replay
{
    public required string Id { get; init; }

    public required string AdapterId { get; init; }

    /// <summary>The task of kind <see cref="Tasks.LearningTaskKind.Replay"/> that does it.</summary>
    public required string TaskId { get; init; }

    /// <summary>The version whose lineage is trained again.</summary>
    public int VersionNumber { get; init; }

    /// <summary>A tensor may differ by this share of its largest magnitude.</summary>
    public double Tolerance { get; init; }

    /// <summary>JSON array of <see cref="ReplayedVersion"/>: grows while the lineage is trained.</summary>
    public string VersionsJson { get; set; } = "[]";
}
