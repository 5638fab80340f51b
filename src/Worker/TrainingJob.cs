using System.Diagnostics.CodeAnalysis;
using ContinualService.Domain;
using ContinualService.Domain.Tasks;
using ContinualService.Domain.Unlearnings;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Queue;
using ContinualService.Infrastructure.Storage;
using ContinualService.Worker.Child;
using ContinualService.Worker.Processes;
using ContinualService.Worker.Runs;
using ContinualService.Worker.Scheduling;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ContinualService.Worker;

/// <summary>
/// One run of one task, start to finish. Nothing is overwritten and nothing is visible before step 7, so a crash at any point leaves the last
/// version serving; the sweep puts the task back, and the next run goes on from the last checkpoint.
/// <list type="number">
/// <item>Choose a task. The message that woke us is only a hint.</item>
/// <item>Take the adapter's lease and keep it. Crash after: the lease runs out, or this worker's next start clears it.</item>
/// <item>Mark the task as running and count the attempt. Crash after: the sweep queues it again, one dead run counted.</item>
/// <item>Write what the training process needs into the run's folder. Crash after: the folder is swept away.</item>
/// <item>Train in a process of its own, follow it and store its checkpoints. Crash after: the process sees its input close and ends.</item>
/// <item>Put the files into the object store. Crash after: objects nobody names; the same run writes the same bytes under the same names.</item>
/// <item>Publish: version, matrix, alias, head and task in one transaction that holds the fencing number. Crash after: all is done.</item>
/// <item>Clean up, let go of the lease, and wake whoever takes the adapter's next task.</item>
/// </list>
/// </summary>
internal sealed class TrainingJob(
    IDbContextFactory<ServiceDbContext> contexts, RunPreparation preparation, IObjectStore objects, ITaskQueue queue, EventHub hub, WorkerIdentity identity, CurrentRun current, RunMetrics metrics,
    IHostApplicationLifetime lifetime, IOptions<TrainingSettings> settings, TimeProvider time, ILogger<TrainingJob> logger) : ITrainingJob
{
    // So often may others be faster in taking what we chose; then the sweep sends another message.
    private const int MostTries = 20;

    private TimeSpan LeaseDuration => TimeSpan.FromSeconds(settings.Value.LeaseSeconds);

    private Outage Outage { get; } = new(TimeSpan.FromSeconds(settings.Value.OutageSeconds), time, logger);

    public async Task RunAsync(string taskId)
    {
        var stopping = lifetime.ApplicationStopping;
        try
        {
            for (var tries = 0; tries < MostTries && !stopping.IsCancellationRequested; tries++)
            {
                // Step 1: choose.
                var chosen = await Outage.BridgeAsync(() => ChooseAsync(stopping), stopping);
                if (chosen is null) return;

                // Step 2: lease.
                var runId = Ids.New("run");
                var lease = await Outage.BridgeAsync(() => TakeLeaseAsync(chosen.AdapterId, runId, stopping), stopping);
                if (lease is not null && await RunAsync(chosen, lease, runId, stopping)) return;
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Nothing had begun; the next start's sweep sends the message again.
        }
    }

    /// <summary>False when somebody else has run the task since it was chosen.</summary>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "The border of the job: whatever went wrong must not leave a task running for ever.")]
    private async Task<bool> RunAsync(LearningTask chosen, AdapterLease lease, string runId, CancellationToken stopping)
    {
        var records = new RunRecords(contexts, hub, time, Outage, metrics, lease, runId, chosen.Id);
        var keeper = new LeaseKeeper(contexts, lease, LeaseDuration, time, logger);
        RunPlan? plan = null;
        CheckpointKeeper? checkpoints = null;
        RunTrace? trace = null;
        try
        {
            // Step 3: start.
            var task = await records.StartAsync(identity.Id, identity.Name, settings.Value.Device, stopping);
            if (task is null) return false;
            current.TaskId = task.Id;
            trace = new RunTrace(task, identity.Id);

            // Step 4: prepare.
            plan = await Outage.BridgeAsync(() => preparation.PrepareAsync(task, stopping), stopping);
            checkpoints = new CheckpointKeeper(objects, records, Outage, plan, logger);

            // Step 5: train.
            var outcome = await TrainAsync(plan, records, checkpoints, trace, stopping, keeper.Lost);
            if (outcome is not RunOutcome.Finished)
            {
                await RecordAsync(outcome, task, records, trace);
                if (outcome is RunOutcome.Failed or RunOutcome.Cancelled) await checkpoints.DiscardAsync();
                return true;
            }

            // What publishes nothing has told all it found on the way: there is nothing to store.
            if (!plan.Publishes)
            {
                var ended = await records.EndedAsync(CancellationToken.None);
                trace.End(WireName.Of(ended ? TaskRunOutcome.Succeeded : TaskRunOutcome.Cancelled));
                logger.Measured(task.Id, task.AdapterId);
                await checkpoints.DiscardAsync();
                return true;
            }

            // Step 6: store.
            var parts = plan.Rebuilt is null ? [await StoreAsync(plan, name => name)] : new List<PublishedPart>();
            for (var part = 0; part < plan.Rebuilt?.Again.Count; part++) parts.Add(await StoreAsync(plan, name => ReplayPart.FileOf(part, name)));

            // Step 7: publish.
            var number = await new Publication(plan, parts).WriteAsync(records, CancellationToken.None);
            trace.End(WireName.Of(number is null ? TaskRunOutcome.Cancelled : TaskRunOutcome.Succeeded));
            if (number is { } version)
            {
                metrics.Published(parts[^1].Adapter.SizeBytes);
                logger.Succeeded(task.Id, version, task.AdapterId);
            }
            else logger.Cancelled(task.Id);

            await checkpoints.DiscardAsync();
        }
        catch (LeaseLostException)
        {
            // The holder after us decides what becomes of the task.
            LeaseLost(chosen, trace);
        }
        catch (HeadMovedException moved)
        {
            await RecordAsync(new RunOutcome.PutBack(moved.Message), chosen, records, trace);
        }
        catch (Exception known) when (Known(known) is not null)
        {
            await RecordAsync(Known(known)!, chosen, records, trace);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            await RecordAsync(new RunOutcome.PutBack("The service is stopping."), chosen, records, trace);
        }
        catch (Exception fault)
        {
            logger.RunFaulted(fault, chosen.Id, chosen.Attempt + 1);
            await RecordAsync(new RunOutcome.Died($"A fault of the service ended the run: {fault.Message}"), chosen, records, trace);
        }
        finally
        {
            // Step 8: clean up and wake the next.
            current.TaskId = null;
            if (checkpoints is not null) await checkpoints.DisposeAsync();
            if (plan is not null) Directory.Delete(plan.Folder, recursive: true);
            await keeper.DisposeAsync();
            await ReleaseAsync(lease);
            trace?.Dispose();
        }

        return true;
    }

    private static RunOutcome.Failed? Known(Exception exception) => exception switch
    {
        ObjectDamagedException => new(TaskFailureCode.ObjectDamaged, exception.Message, UserError: false),
        ModelFormatException => new(TaskFailureCode.ModelUnavailable, exception.Message, UserError: false),
        RunFailureException failure => new(failure.Code, failure.Message, failure.UserError),
        _ => null,
    };

    private async Task<LearningTask?> ChooseAsync(CancellationToken cancellationToken)
    {
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        return await TaskChooser.ChooseAsync(database, time.GetUtcNow(), cancellationToken);
    }

    private async Task<AdapterLease?> TakeLeaseAsync(string adapterId, string runId, CancellationToken cancellationToken)
    {
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        return await AdapterLease.TryTakeAsync(database, adapterId, AdapterLease.OwnerOf(identity.Id, runId), LeaseDuration, time.GetUtcNow(), cancellationToken);
    }

    private async Task<RunOutcome> TrainAsync(RunPlan plan, RunRecords records, CheckpointKeeper checkpoints, RunTrace trace, CancellationToken stopping, CancellationToken leaseLost)
    {
        using var process = TrainingProcess.Start(plan.SpecPath, settings.Value.ThreadCount());
        logger.RunBegins(plan.Task.Id, plan.Task.Attempt, process.Id);
        var evaluates = plan.Replay is null && (plan.Ancestors.Count > 0 || plan.Task.EvaluationDatasetId is not null);
        var progress = new RunProgress(evaluates, trains: plan.Learns || plan.Replay is not null || plan.Unlearning?.Mode == UnlearnMode.Exact);
        var follower = new RunFollower(records, progress, plan.Task, checkpoints, metrics, trace, settings.Value, time, logger);
        return await follower.FollowAsync(process, stopping, leaseLost);
    }

    private async Task<PublishedPart> StoreAsync(RunPlan plan, Func<string, string> nameOf)
    {
        var result = RunJson.Read<RunResult>(Path.Combine(plan.Folder, nameOf(RunResult.FileName)));
        var state = await StoreAsync(plan, nameOf(RunResult.StateFile));
        return new PublishedPart(result, await StoreAsync(plan, nameOf(RunResult.AdapterFile)), state);
    }

    private Task<StoredObject> StoreAsync(RunPlan plan, string file) =>
        Outage.BridgeAsync(
            async () =>
            {
                await using var content = File.OpenRead(Path.Combine(plan.Folder, file));
                return await objects.PutIfAbsentAsync(content, CancellationToken.None);
            },
            CancellationToken.None);

    private async Task RecordAsync(RunOutcome outcome, LearningTask task, RunRecords records, RunTrace? trace)
    {
        // Not cancellable: a stopping host must still write down that it stopped the run.
        try
        {
            switch (outcome)
            {
                case RunOutcome.Failed failed:
                    await records.FailAsync(failed.Code, failed.Message, failed.UserError, CancellationToken.None);
                    metrics.RunFailed(WireName.Of(failed.Code));
                    trace?.End(WireName.Of(TaskRunOutcome.Failed), failed.Message);
                    logger.Failed(task.Id, WireName.Of(failed.Code), failed.Message);
                    break;
                case RunOutcome.Died died:
                    await records.DiedAsync(died.Reason, settings.Value.MaxAttempts, CancellationToken.None);
                    metrics.RunFailed(WireName.Of(TaskFailureCode.WorkerDied));
                    trace?.End(WireName.Of(TaskRunOutcome.Died), died.Reason);
                    logger.AttemptFailed(task.Id, task.Attempt, died.Reason);
                    break;
                case RunOutcome.Cancelled:
                    await records.CancelAsync(CancellationToken.None);
                    trace?.End(WireName.Of(TaskRunOutcome.Cancelled));
                    logger.Cancelled(task.Id);
                    break;
                case RunOutcome.Paused:
                    await records.PauseAsync(CancellationToken.None);
                    trace?.End(WireName.Of(TaskRunOutcome.Paused));
                    logger.Paused(task.Id);
                    break;
                case RunOutcome.PutBack putBack:
                    await records.PutBackAsync(putBack.Reason, CancellationToken.None);
                    trace?.End(WireName.Of(TaskRunOutcome.PutBack));
                    logger.PutBack(task.Id, putBack.Reason);
                    break;
                case RunOutcome.LeaseLost:
                    LeaseLost(task, trace);
                    break;
            }
        }
        catch (LeaseLostException)
        {
            LeaseLost(task, trace);
        }
    }

    private void LeaseLost(LearningTask task, RunTrace? trace)
    {
        metrics.LeaseLost();
        trace?.End("lease_lost", "The lease on the adapter went to another worker.");
        logger.LeaseLost(task.Id);
    }

    private async Task ReleaseAsync(AdapterLease lease)
    {
        var next = await Outage.BridgeAsync(
            async () =>
            {
                await using var database = await contexts.CreateDbContextAsync(CancellationToken.None);
                await lease.ReleaseAsync(database, CancellationToken.None);
                return await database.Tasks
                    .Where(row => row.AdapterId == lease.AdapterId && row.Status == LearningTaskStatus.Queued)
                    .OrderBy(row => row.Id)
                    .Select(row => row.Id)
                    .FirstOrDefaultAsync(CancellationToken.None);
            },
            CancellationToken.None);
        // Its own message may have come while the adapter was taken.
        if (next is not null && !lifetime.ApplicationStopping.IsCancellationRequested) queue.Enqueue(next);
    }
}
