namespace ContinualService.Infrastructure.Queue;

/// <summary>Section <c>Queue</c>: how workers hear of tasks.</summary>
public sealed class QueueOptions
{
    public const string Section = "Queue";

    /// <summary>Null: postgresql where the database is, else memory.</summary>
    public QueueProvider? Provider { get; set; }

    /// <summary>Seconds after which a dead worker's message is given to another; a living worker keeps renewing its hold.</summary>
    public int InvisibilitySeconds { get; set; } = 30;
}
