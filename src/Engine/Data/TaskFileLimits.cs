namespace ContinualService.Engine.Data;

/// <summary>How much a task file may hold. 0 means no limit.</summary>
public sealed record TaskFileLimits
{
    /// <summary>Largest size in bytes; default 256 MiB.</summary>
    public long MaxBytes { get; init; } = 256L << 20;

    /// <summary>Most rows; default 1,000,000.</summary>
    public int MaxRows { get; init; } = 1_000_000;
}
