using ContinualService.Domain;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Queue;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Worker.Runs;

/// <summary>
/// What a run writes about its task. Every write is one transaction that first checks the adapter's fencing number, so that a run that lost its
/// lease changes nothing; and every write wakes those who follow the task.
/// </summary>
internal sealed class RunRecords(IDbContextFactory<ServiceDbContext> contexts, EventHub hub, TimeProvider time, AdapterLease lease, string taskId)
{
    /// <summary>Marks the task as running and counts the attempt; null when it is no longer queued.</summary>
    public async Task<LearningTask?> StartAsync(CancellationToken cancellationToken)
    {
        LearningTask? started = null;
        await WriteAsync(
            async (database, task, now) =>
            {
                if (task.Status != LearningTaskStatus.Queued) return;
                task.Status = LearningTaskStatus.Running;
                task.Attempt++;
                task.StartedAt ??= now;
                (task.Phase, task.Percent, task.Step, task.TotalSteps, task.SecondsRemaining) = (LearningTaskPhase.Preparing, 0, 0, 0, null);
                // A run that was put back had this number too.
                await database.StepMetrics.Where(row => row.TaskId == taskId && row.Attempt == task.Attempt).ExecuteDeleteAsync(cancellationToken);
                await database.AppendEventAsync(taskId, TaskEventTypes.Started, new { task.Attempt }, now, cancellationToken);
                started = task;
            },
            cancellationToken);
        return started;
    }

    /// <summary>Stores how far the run is, its new steps, and the events that are due; tells whether the owner wants it to end.</summary>
    public async Task<bool> ReportAsync(RunProgress progress, IReadOnlyList<StepMetric> steps, IReadOnlyList<(string Type, object Data)> events, CancellationToken cancellationToken)
    {
        var cancel = false;
        await WriteAsync(
            async (database, task, now) =>
            {
                (task.Phase, task.Percent, task.Step, task.TotalSteps, task.SecondsRemaining) =
                    (progress.Phase, progress.Percent, progress.Step, progress.TotalSteps, progress.SecondsRemaining);
                database.StepMetrics.AddRange(steps);
                foreach (var (type, data) in events) await database.AppendEventAsync(taskId, type, data, now, cancellationToken);
                cancel = task.CancelRequested;
            },
            cancellationToken);
        return cancel;
    }

    /// <summary>Ends the task for good.</summary>
    public Task FailAsync(TaskFailureCode code, string message, bool userError, CancellationToken cancellationToken) =>
        EndRunAsync((database, task, now) => FailAsync(database, task, code, message, userError, now, cancellationToken), cancellationToken);

    public Task CancelAsync(CancellationToken cancellationToken) =>
        EndRunAsync((database, task, now) => CancelAsync(database, task, now, cancellationToken), cancellationToken);

    /// <summary>A run ended without a result: the task waits for the next, or fails when it has had them all.</summary>
    public Task AttemptFailedAsync(string reason, int maxAttempts, CancellationToken cancellationToken) =>
        EndRunAsync((database, task, now) => AttemptFailedAsync(database, task, reason, maxAttempts, now, cancellationToken), cancellationToken);

    /// <summary>The task waits again, as if this run had not been.</summary>
    public Task PutBackAsync(string reason, CancellationToken cancellationToken) =>
        EndRunAsync(
            async (database, task, now) =>
            {
                await database.StepMetrics.Where(row => row.TaskId == taskId && row.Attempt == task.Attempt).ExecuteDeleteAsync(cancellationToken);
                task.Attempt--;
                await QueueAgainAsync(database, task, reason, now, cancellationToken);
            },
            cancellationToken);

    /// <summary>One guarded transaction over the task's row.</summary>
    public async Task WriteAsync(Func<ServiceDbContext, LearningTask, DateTimeOffset, Task> write, CancellationToken cancellationToken)
    {
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        if (!await lease.IsHeldAsync(database, cancellationToken)) throw new LeaseLostException($"Task {taskId}: fencing number {lease.Fence} is no longer the adapter's.");
        var task = await database.Tasks.SingleAsync(row => row.Id == taskId, cancellationToken);
        await write(database, task, time.GetUtcNow());
        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        hub.Publish(taskId);
    }

    // A fault before the run was marked has nothing to take back.
    private Task EndRunAsync(Func<ServiceDbContext, LearningTask, DateTimeOffset, Task> write, CancellationToken cancellationToken) =>
        WriteAsync((database, task, now) => task.Status == LearningTaskStatus.Running ? write(database, task, now) : Task.CompletedTask, cancellationToken);

    internal static async Task AttemptFailedAsync(ServiceDbContext database, LearningTask task, string reason, int maxAttempts, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await database.AppendEventAsync(task.Id, TaskEventTypes.AttemptFailed, new { task.Attempt, reason }, now, cancellationToken);
        if (task.CancelRequested)
        {
            await CancelAsync(database, task, now, cancellationToken);
            return;
        }

        if (task.Attempt < maxAttempts)
        {
            await QueueAgainAsync(database, task, reason, now, cancellationToken);
            return;
        }

        await FailAsync(
            database, task, TaskFailureCode.WorkerDied,
            $"The training process ended without a result in {task.Attempt} of {maxAttempts} attempts, the last time so: {reason} The adapter is unchanged. "
            + "The usual cause is memory: send a smaller batchSize or maxSequenceLength.",
            userError: false, now, cancellationToken);
    }

    internal static async Task CancelAsync(ServiceDbContext database, LearningTask task, DateTimeOffset now, CancellationToken cancellationToken)
    {
        End(task, LearningTaskStatus.Cancelled, now);
        await database.AppendEventAsync(task.Id, TaskEventTypes.Cancelled, null, now, cancellationToken);
    }

    internal static void End(LearningTask task, LearningTaskStatus status, DateTimeOffset now) =>
        (task.Status, task.Phase, task.SecondsRemaining, task.FinishedAt) = (status, null, null, now);

    private static async Task FailAsync(
        ServiceDbContext database, LearningTask task, TaskFailureCode code, string message, bool userError, DateTimeOffset now, CancellationToken cancellationToken)
    {
        End(task, LearningTaskStatus.Failed, now);
        (task.FailureCode, task.FailureMessage, task.FailureIsUserError) = (code, message, userError);
        await database.AppendEventAsync(task.Id, TaskEventTypes.Failed, new { code = WireName.Of(code), message, userError }, now, cancellationToken);
    }

    private static async Task QueueAgainAsync(ServiceDbContext database, LearningTask task, string reason, DateTimeOffset now, CancellationToken cancellationToken)
    {
        task.Status = LearningTaskStatus.Queued;
        (task.Phase, task.Percent, task.Step, task.TotalSteps, task.SecondsRemaining) = (null, 0, 0, 0, null);
        await database.AppendEventAsync(task.Id, TaskEventTypes.Queued, new { reason }, now, cancellationToken);
    }
}
