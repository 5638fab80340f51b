namespace ContinualService.Domain.Workers;

/// <summary>A process that runs tasks, as it last said of itself.</summary>
public sealed class WorkerRecord
{
    /// <summary>Kept in its data folder, so that a restarted worker knows what it held.</summary>
    public required string Id { get; init; }

    /// <summary>Host and process.</summary>
    public required string Name { get; set; }

    /// <summary>cpu, cuda, cuda:N.</summary>
    public required string Device { get; set; }

    public DateTimeOffset StartedAt { get; set; }

    public DateTimeOffset HeartbeatAt { get; set; }

    /// <summary>What it runs now; null: nothing.</summary>
    public string? TaskId { get; set; }

    /// <summary>Set when it stops in good order; null while it works or after it died.</summary>
    public DateTimeOffset? StoppedAt { get; set; }
}
