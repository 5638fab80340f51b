namespace ContinualService.Domain.Tasks;

/// <summary>Where an unfinished task goes on after a break: the last state of its training, one per task.</summary>
public sealed class TaskCheckpoint
{
    public required string TaskId { get; init; }

    /// <summary>Optimiser updates it contains.</summary>
    public int Step { get; set; }

    /// <summary>Also its key in the object store.</summary>
    public required string Sha256 { get; set; }

    public long SizeBytes { get; set; }

    public DateTimeOffset CreatedAt { get; set; }
}
