using System.Text.Json;
using ContinualService.Domain;
using ContinualService.Domain.Forecasts;
using ContinualService.Domain.Previews;
using ContinualService.Domain.Replays;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Queue;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Worker.Runs;

/// <summary>
/// What a run writes about its task. Every write is one transaction that first checks the adapter's fencing number, so that a run that lost its
/// lease changes nothing; and every write wakes those who follow the task. A write that is repeated because its answer was lost does nothing twice.
/// </summary>
internal sealed class RunRecords(IDbContextFactory<ServiceDbContext> contexts, EventHub hub, TimeProvider time, Outage outage, RunMetrics metrics, AdapterLease lease, string runId, string taskId)
{
    private DateTimeOffset? _startedAt;

    /// <summary>Marks the task as running and counts the attempt; null when it is no longer queued.</summary>
    public async Task<LearningTask?> StartAsync(string workerId, string workerName, string device, CancellationToken cancellationToken)
    {
        LearningTask? started = null;
        await WriteAsync(
            async (database, task, now) =>
            {
                started = task;
                if (await database.Runs.AnyAsync(row => row.Id == runId, cancellationToken)) return;
                started = null;
                if (task.Status != LearningTaskStatus.Queued) return;
                task.Status = LearningTaskStatus.Running;
                task.Attempt++;
                task.StartedAt ??= now;
                (task.Phase, task.Percent, task.Step, task.SecondsRemaining) = (LearningTaskPhase.Preparing, 0, 0, null);
                database.Runs.Add(new TaskRun
                {
                    Id = runId,
                    TaskId = task.Id,
                    TenantId = task.TenantId,
                    AdapterId = task.AdapterId,
                    WorkerId = workerId,
                    WorkerName = workerName,
                    Attempt = task.Attempt,
                    Fence = lease.Fence,
                    Device = device,
                    StartedAt = now,
                });
                await database.AppendEventAsync(taskId, TaskEventTypes.Started, new { task.Attempt }, now, cancellationToken);
                (started, _startedAt) = (task, now);
            },
            cancellationToken);
        return started;
    }

    /// <summary>Stores how far the run is, its new steps, and the events that are due; tells what the owner wishes.</summary>
    public async Task<RunWish> ReportAsync(RunProgress progress, IReadOnlyList<StepMetric> steps, IReadOnlyList<(string Type, object Data)> events, CancellationToken cancellationToken)
    {
        var wish = RunWish.GoOn;
        await WriteAsync(
            async (database, task, now) =>
            {
                (task.Phase, task.Percent, task.Step, task.SecondsRemaining) = (progress.Phase, progress.Percent, progress.Step, progress.SecondsRemaining);
                // They were counted when the task was sent; the run has its own count only once it trains.
                if (progress.TotalSteps > 0) task.TotalSteps = progress.TotalSteps;
                if (steps.Count > 0)
                {
                    var stored = await database.StepMetrics.Where(row => row.TaskId == taskId && row.Attempt == task.Attempt).MaxAsync(row => (int?)row.Step, cancellationToken) ?? 0;
                    database.StepMetrics.AddRange(steps.Where(step => step.Step > stored));
                }

                foreach (var (type, data) in events) await database.AppendEventAsync(taskId, type, data, now, cancellationToken);
                wish = task.CancelRequested ? RunWish.Cancel : task.PauseRequested ? RunWish.Pause : RunWish.GoOn;
            },
            cancellationToken);
        return wish;
    }

    /// <summary>Remembers the checkpoint, whose bytes are stored, as the one to go on from; gives the one it replaces.</summary>
    public async Task<string?> CheckpointAsync(int step, string sha256, long sizeBytes, CancellationToken cancellationToken)
    {
        string? replaced = null;
        await WriteAsync(
            async (database, task, now) =>
            {
                var checkpoint = await database.Checkpoints.SingleOrDefaultAsync(row => row.TaskId == taskId, cancellationToken);
                if (checkpoint?.Sha256 == sha256) return;
                // Whoever gets further than all runs before it is not in a circle of deaths.
                if (step > (checkpoint?.Step ?? 0)) task.DeadRuns = 0;
                replaced = checkpoint?.Sha256;
                if (checkpoint is null) database.Checkpoints.Add(checkpoint = new TaskCheckpoint { TaskId = taskId, Sha256 = sha256 });
                (checkpoint.Step, checkpoint.Sha256, checkpoint.SizeBytes, checkpoint.CreatedAt) = (step, sha256, sizeBytes, now);
                await database.AppendEventAsync(taskId, TaskEventTypes.Checkpoint, new { step, sizeBytes }, now, cancellationToken);
            },
            cancellationToken);
        return replaced;
    }

    /// <summary>Keeps what a preview has measured: a later attempt measures the rest.</summary>
    public Task PreviewedAsync(IReadOnlyList<PreviewPoint> points, CancellationToken cancellationToken) =>
        WriteAsync(
            async (database, task, _) =>
            {
                var preview = await database.MergePreviews.SingleAsync(row => row.TaskId == taskId, cancellationToken);
                preview.PointsJson = PreviewPoint.Write(PreviewPoint.Read(preview.PointsJson).Concat(points).DistinctBy(point => point.Merge()));
                // As with a newer checkpoint: it gets on.
                task.DeadRuns = 0;
            },
            cancellationToken);

    /// <summary>Keeps what a forecast has measured, which is all of it.</summary>
    public Task ForecastedAsync(ForecastResult result, CancellationToken cancellationToken) =>
        WriteAsync(
            async (database, _, _) =>
            {
                var forecast = await database.Forecasts.SingleAsync(row => row.TaskId == taskId, cancellationToken);
                forecast.ResultJson = JsonSerializer.Serialize(result, JsonSerializerOptions.Web);
            },
            cancellationToken);

    /// <summary>Keeps what a replay has compared: a later attempt goes on after what was identical.</summary>
    public Task ReplayedAsync(IReadOnlyList<ReplayedVersion> versions, CancellationToken cancellationToken) =>
        WriteAsync(
            async (database, task, _) =>
            {
                var replay = await database.Replays.SingleAsync(row => row.TaskId == taskId, cancellationToken);
                // What this attempt compares again takes the place of what an earlier one found.
                var known = ReplayedVersion.Read(replay.VersionsJson);
                var earlier = known.TakeWhile(version => version.Number != versions[0].Number).ToList();
                replay.VersionsJson = ReplayedVersion.Append(earlier, versions);
                if (earlier.Count + versions.Count > known.Count) task.DeadRuns = 0;
            },
            cancellationToken);

    /// <summary>Ends a task that publishes nothing and has told all it found; false where it was cancelled instead.</summary>
    public async Task<bool> EndedAsync(CancellationToken cancellationToken)
    {
        var cancelled = false;
        await EndRunAsync(
            TaskRunOutcome.Succeeded, null,
            async (database, task, now) =>
            {
                if (cancelled = task.CancelRequested)
                {
                    await CloseRunAsync(database, TaskRunOutcome.Cancelled, null, now, cancellationToken);
                    await CancelAsync(database, task, now, cancellationToken);
                    return;
                }

                await EndAsync(database, task, LearningTaskStatus.Succeeded, now, cancellationToken);
                task.Percent = 100;
                await database.AppendEventAsync(taskId, TaskEventTypes.Succeeded, null, now, cancellationToken);
            },
            cancellationToken);
        return !cancelled;
    }

    /// <summary>Whether some task goes on from these bytes.</summary>
    public async Task<bool> IsCheckpointAsync(string sha256, CancellationToken cancellationToken)
    {
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        return await database.Checkpoints.AnyAsync(row => row.Sha256 == sha256, cancellationToken);
    }

    /// <summary>Tells from which step the run goes on.</summary>
    public Task ResumedAsync(int step, CancellationToken cancellationToken) =>
        WriteAsync(
            async (database, _, now) =>
            {
                var run = await database.Runs.SingleAsync(row => row.Id == runId, cancellationToken);
                if (run.FromStep == step) return;
                run.FromStep = step;
                await database.AppendEventAsync(taskId, TaskEventTypes.Resumed, new { step }, now, cancellationToken);
            },
            cancellationToken);

    /// <summary>Ends the task for good.</summary>
    public Task FailAsync(TaskFailureCode code, string message, bool userError, CancellationToken cancellationToken) =>
        EndRunAsync(TaskRunOutcome.Failed, message, (database, task, now) => FailAsync(database, task, code, message, userError, now, cancellationToken), cancellationToken);

    public Task CancelAsync(CancellationToken cancellationToken) =>
        EndRunAsync(TaskRunOutcome.Cancelled, null, (database, task, now) => CancelAsync(database, task, now, cancellationToken), cancellationToken);

    /// <summary>Puts the task aside at its last checkpoint, unless its owner has changed their mind.</summary>
    public Task PauseAsync(CancellationToken cancellationToken) =>
        EndRunAsync(
            TaskRunOutcome.Paused, null,
            async (database, task, now) =>
            {
                if (!task.PauseRequested)
                {
                    await QueueAgainAsync(database, task, "It was resumed.", now, cancellationToken);
                    return;
                }

                (task.Status, task.Phase, task.SecondsRemaining, task.PauseRequested) = (LearningTaskStatus.Paused, null, null, false);
                await database.AppendEventAsync(taskId, TaskEventTypes.Paused, null, now, cancellationToken);
            },
            cancellationToken);

    /// <summary>A run ended without a result: the task waits for the next, or fails when too many have died in a row.</summary>
    public Task DiedAsync(string reason, int maxAttempts, CancellationToken cancellationToken) =>
        EndRunAsync(TaskRunOutcome.Died, reason, (database, task, now) => DiedAsync(database, task, reason, maxAttempts, now, cancellationToken), cancellationToken);

    /// <summary>The task waits again, and this run does not count against it.</summary>
    public Task PutBackAsync(string reason, CancellationToken cancellationToken) =>
        EndRunAsync(TaskRunOutcome.PutBack, reason, (database, task, now) => QueueAgainAsync(database, task, reason, now, cancellationToken), cancellationToken);

    /// <summary>Closes the run of a worker that is no more; call with a lease of one's own on the adapter.</summary>
    public Task AbandonedAsync(string reason, int maxAttempts, CancellationToken cancellationToken) =>
        WriteAsync(
            async (database, task, now) =>
            {
                if (task.Status != LearningTaskStatus.Running) return;
                await CloseRunsAsync(database, TaskRunOutcome.Died, reason, now, cancellationToken);
                await DiedAsync(database, task, reason, maxAttempts, now, cancellationToken);
            },
            cancellationToken);

    /// <summary>One guarded transaction over the task's row, repeated where the database does not answer.</summary>
    public Task WriteAsync(Func<ServiceDbContext, LearningTask, DateTimeOffset, Task> write, CancellationToken cancellationToken) =>
        outage.BridgeAsync(() => WriteOnceAsync(write, cancellationToken), cancellationToken);

    /// <summary>Closes this run's row inside a write.</summary>
    public async Task CloseRunAsync(ServiceDbContext database, TaskRunOutcome outcome, string? reason, DateTimeOffset now, CancellationToken cancellationToken, RunCost? cost = null)
    {
        var run = await database.Runs.SingleAsync(row => row.Id == runId, cancellationToken);
        (run.Outcome, run.Reason, run.EndedAt) = (outcome, reason, now);
        (run.ProcessedTokens, run.TrainingSeconds, run.ScoredRows, run.ScoringSeconds, run.PeakBytes) = (cost?.Tokens, cost?.TrainingSeconds, cost?.ScoredRows, cost?.ScoringSeconds, cost?.PeakBytes);
    }

    /// <summary>Whether the task still runs under this very run; a repeated write finds that it has ended it already.</summary>
    public Task<bool> IsRunningAsync(ServiceDbContext database, LearningTask task, CancellationToken cancellationToken) =>
        task.Status != LearningTaskStatus.Running ? Task.FromResult(false) : database.Runs.AnyAsync(row => row.Id == runId && row.EndedAt == null, cancellationToken);

    internal static async Task CancelAsync(ServiceDbContext database, LearningTask task, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await EndAsync(database, task, LearningTaskStatus.Cancelled, now, cancellationToken);
        await database.AppendEventAsync(task.Id, TaskEventTypes.Cancelled, null, now, cancellationToken);
    }

    /// <summary>Ends the task; its checkpoint is of no more use.</summary>
    internal static async Task EndAsync(ServiceDbContext database, LearningTask task, LearningTaskStatus status, DateTimeOffset now, CancellationToken cancellationToken)
    {
        (task.Status, task.Phase, task.SecondsRemaining, task.FinishedAt, task.PauseRequested) = (status, null, null, now, false);
        await database.Checkpoints.Where(row => row.TaskId == task.Id).ExecuteDeleteAsync(cancellationToken);
    }

    private async Task WriteOnceAsync(Func<ServiceDbContext, LearningTask, DateTimeOffset, Task> write, CancellationToken cancellationToken)
    {
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        if (!await lease.IsHeldAsync(database, cancellationToken)) throw new LeaseLostException($"Task {taskId}: fencing number {lease.Fence} is no longer the adapter's.");
        await database.LockTaskAsync(taskId, cancellationToken);
        var task = await database.Tasks.SingleAsync(row => row.Id == taskId, cancellationToken);
        var (before, now) = (task.Status, time.GetUtcNow());
        await write(database, task, now);
        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        hub.Publish(taskId);
        if (before == LearningTaskStatus.Running && task.FinishedAt is not null) metrics.TaskEnded(task.Status, now - (_startedAt ?? task.StartedAt ?? now));
    }

    // A fault before the run was marked has nothing to take back.
    private Task EndRunAsync(TaskRunOutcome outcome, string? reason, Func<ServiceDbContext, LearningTask, DateTimeOffset, Task> write, CancellationToken cancellationToken) =>
        WriteAsync(
            async (database, task, now) =>
            {
                if (!await IsRunningAsync(database, task, cancellationToken)) return;
                await CloseRunAsync(database, outcome, reason, now, cancellationToken);
                await write(database, task, now);
            },
            cancellationToken);

    private Task<int> CloseRunsAsync(ServiceDbContext database, TaskRunOutcome outcome, string reason, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.Runs.Where(row => row.TaskId == taskId && row.EndedAt == null).ExecuteUpdateAsync(
            set => set.SetProperty(row => row.Outcome, outcome).SetProperty(row => row.Reason, reason).SetProperty(row => row.EndedAt, now), cancellationToken);

    private static async Task DiedAsync(ServiceDbContext database, LearningTask task, string reason, int maxAttempts, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await database.AppendEventAsync(task.Id, TaskEventTypes.AttemptFailed, new { task.Attempt, reason }, now, cancellationToken);
        task.DeadRuns++;
        if (task.CancelRequested)
        {
            await CancelAsync(database, task, now, cancellationToken);
            return;
        }

        if (task.DeadRuns < maxAttempts)
        {
            await QueueAgainAsync(database, task, reason, now, cancellationToken);
            return;
        }

        await FailAsync(
            database, task, TaskFailureCode.WorkerDied,
            $"The training process ended without a result {task.DeadRuns} times in a row, the last time so: {reason} The adapter is unchanged. "
            + "The usual cause is memory: send a smaller batchSize or maxSequenceLength.",
            userError: false, now, cancellationToken);
    }

    private static async Task FailAsync(
        ServiceDbContext database, LearningTask task, TaskFailureCode code, string message, bool userError, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await EndAsync(database, task, LearningTaskStatus.Failed, now, cancellationToken);
        (task.FailureCode, task.FailureMessage, task.FailureIsUserError) = (code, message, userError);
        await database.AppendEventAsync(task.Id, TaskEventTypes.Failed, new { code = WireName.Of(code), message, userError }, now, cancellationToken);
    }

    private static async Task QueueAgainAsync(ServiceDbContext database, LearningTask task, string reason, DateTimeOffset now, CancellationToken cancellationToken)
    {
        task.Status = LearningTaskStatus.Queued;
        (task.Phase, task.SecondsRemaining) = (null, null);
        await database.AppendEventAsync(task.Id, TaskEventTypes.Queued, new { reason }, now, cancellationToken);
    }
}
