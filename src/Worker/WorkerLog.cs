using Microsoft.Extensions.Logging;

namespace ContinualService.Worker;

/// <summary>The worker's log messages; ids 2000 to 2099 are its own.</summary>
internal static partial class WorkerLog
{
    [LoggerMessage(2000, LogLevel.Information, "Run {Attempt} of task {TaskId} begins in process {ProcessId}")]
    public static partial void RunBegins(this ILogger logger, string taskId, int attempt, int processId);

    [LoggerMessage(2001, LogLevel.Information, "Task {TaskId} succeeded with version {Version} of adapter {AdapterId}")]
    public static partial void Succeeded(this ILogger logger, string taskId, int version, string adapterId);

    [LoggerMessage(2002, LogLevel.Warning, "Run {Attempt} of task {TaskId} ended without a result: {Reason}")]
    public static partial void AttemptFailed(this ILogger logger, string taskId, int attempt, string reason);

    [LoggerMessage(2003, LogLevel.Warning, "Task {TaskId} failed ({Code}): {Reason}")]
    public static partial void Failed(this ILogger logger, string taskId, string code, string reason);

    [LoggerMessage(2004, LogLevel.Information, "Task {TaskId} was cancelled")]
    public static partial void Cancelled(this ILogger logger, string taskId);

    [LoggerMessage(2005, LogLevel.Information, "Task {TaskId} is queued again: {Reason}")]
    public static partial void PutBack(this ILogger logger, string taskId, string reason);

    [LoggerMessage(2006, LogLevel.Warning, "Task {TaskId}: the lease on its adapter went to another worker; this run writes nothing more")]
    public static partial void LeaseLost(this ILogger logger, string taskId);

    [LoggerMessage(2007, LogLevel.Error, "Run {Attempt} of task {TaskId} met a fault of the service")]
    public static partial void RunFaulted(this ILogger logger, Exception exception, string taskId, int attempt);

    [LoggerMessage(2008, LogLevel.Information, "Task {TaskId}: {Text}")]
    public static partial void ChildSaid(this ILogger logger, string taskId, string text);

    [LoggerMessage(2009, LogLevel.Information, "The sweep found {Lost} tasks of workers that are gone and sent {Messages} messages for tasks that had none")]
    public static partial void Swept(this ILogger logger, int lost, int messages);

    [LoggerMessage(2010, LogLevel.Warning, "The sweep for waiting tasks failed; it is tried again")]
    public static partial void SweepFailed(this ILogger logger, Exception exception);

    [LoggerMessage(2011, LogLevel.Warning, "Task {TaskId}: the training process ended; the end of its standard error:\n{ErrorTail}")]
    public static partial void ChildDied(this ILogger logger, string taskId, string errorTail);

    [LoggerMessage(2012, LogLevel.Information, "Task {TaskId} is paused")]
    public static partial void Paused(this ILogger logger, string taskId);

    [LoggerMessage(2013, LogLevel.Warning, "The lease on adapter {AdapterId} could not be renewed; it is tried again")]
    public static partial void RenewalFailed(this ILogger logger, Exception exception, string adapterId);

    [LoggerMessage(2014, LogLevel.Warning, "A server does not answer ({Reason}); waiting for {Seconds:F1} seconds now")]
    public static partial void Waiting(this ILogger logger, string reason, double seconds);

    [LoggerMessage(2015, LogLevel.Warning, "Task {TaskId}: its checkpoint cannot be used, it starts from the beginning: {Reason}")]
    public static partial void CheckpointUnusable(this ILogger logger, string taskId, string reason);

    [LoggerMessage(2016, LogLevel.Warning, "Task {TaskId}: the checkpoint of step {Step} was not stored; training goes on")]
    public static partial void CheckpointNotStored(this ILogger logger, Exception exception, string taskId, int step);

    [LoggerMessage(2017, LogLevel.Information, "Checkpoint {Sha256} was not deleted; the collector will do it")]
    public static partial void CheckpointNotDeleted(this ILogger logger, Exception exception, string sha256);

    [LoggerMessage(2018, LogLevel.Warning, "The heartbeat failed; the next one tells it")]
    public static partial void HeartbeatFailed(this ILogger logger, Exception exception);

    [LoggerMessage(2019, LogLevel.Warning, "The device {Device} cannot be used for training: {Answer}")]
    public static partial void DeviceUnusable(this ILogger logger, string device, string answer);

    [LoggerMessage(2020, LogLevel.Information, "Preview or forecast {TaskId} of adapter {AdapterId} ended")]
    public static partial void Measured(this ILogger logger, string taskId, string adapterId);

    [LoggerMessage(2021, LogLevel.Information, "Replay {TaskId} of adapter {AdapterId} ended")]
    public static partial void Replayed(this ILogger logger, string taskId, string adapterId);

    [LoggerMessage(2050, LogLevel.Information, "The collector saw {Listed} objects ({ListedBytes} bytes) and deleted {Collected} that no row names ({CollectedBytes} bytes); {Failed} could not be deleted; dry run: {DryRun}")]
    public static partial void Collected(this ILogger logger, long listed, long listedBytes, long collected, long collectedBytes, long failed, bool dryRun);

    [LoggerMessage(2051, LogLevel.Warning, "Object {Sha256} could not be deleted; the next pass tries again")]
    public static partial void NotCollected(this ILogger logger, Exception exception, string sha256);

    [LoggerMessage(2052, LogLevel.Information, "Retention deleted {Steps} step metrics, {Events} events, {Audit} audit entries, {Keys} idempotency keys and {Deliveries} deliveries of webhooks")]
    public static partial void RowsExpired(this ILogger logger, long steps, long events, long audit, long keys, long deliveries);

    [LoggerMessage(2053, LogLevel.Warning, "The upkeep '{Name}' did not come to its end; it is tried again in a minute")]
    public static partial void UpkeepFailed(this ILogger logger, Exception exception, string name);
}
