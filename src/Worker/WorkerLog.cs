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

    [LoggerMessage(2009, LogLevel.Information, "After the start: {Requeued} tasks of the last process queued again, {Failed} failed, {Waiting} waiting in all")]
    public static partial void Swept(this ILogger logger, int requeued, int failed, int waiting);

    [LoggerMessage(2010, LogLevel.Warning, "The sweep for waiting tasks failed; it is tried again")]
    public static partial void SweepFailed(this ILogger logger, Exception exception);

    [LoggerMessage(2011, LogLevel.Warning, "Task {TaskId}: the training process ended; the end of its standard error:\n{ErrorTail}")]
    public static partial void ChildDied(this ILogger logger, string taskId, string errorTail);
}
