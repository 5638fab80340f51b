namespace ContinualService.Infrastructure.Queue;

/// <summary>Where messages to workers are kept.</summary>
public enum QueueProvider
{
    /// <summary>In this process, for its own worker; the sweep at the start makes up for what a restart loses.</summary>
    Memory,

    /// <summary>In the service's database, for workers anywhere.</summary>
    PostgreSql,
}
