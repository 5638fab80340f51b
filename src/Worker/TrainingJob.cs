using ContinualService.Domain;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Queue;
using ContinualService.Infrastructure.Storage;
using ContinualService.Worker.Processes;
using ContinualService.Worker.Runs;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ContinualService.Worker;

/// <summary>
/// One run of one task, start to finish. Nothing is overwritten and nothing is visible before step 7, so a crash at any point leaves the last
/// version serving; the sweep at the next start puts the task back.
/// <list type="number">
/// <item>Pick the earliest queued task of the adapter. The message that woke us is only a hint.</item>
/// <item>Take the adapter's lease. Crash after: the lease runs out, or the next start clears it.</item>
/// <item>Mark the task as running and count the attempt. Crash after: the sweep queues it again, one attempt spent.</item>
/// <item>Write what the training process needs into the run's folder. Crash after: the folder is swept away.</item>
/// <item>Train in a process of its own and follow it. Crash after: the process sees its input close and ends.</item>
/// <item>Put the files into the object store. Crash after: objects nobody names; the same run writes the same bytes under the same names.</item>
/// <item>Publish: version, matrix, alias, head and task in one transaction that holds the fencing number. Crash after: all is done.</item>
/// <item>Clean up, let go of the lease, and wake whoever takes the adapter's next task.</item>
/// </list>
/// </summary>
internal sealed class TrainingJob(
    IDbContextFactory<ServiceDbContext> contexts, RunPreparation preparation, IObjectStore objects, ITaskQueue queue, EventHub hub, IHostApplicationLifetime lifetime,
    IOptions<TrainingSettings> settings, TimeProvider time, ILogger<TrainingJob> logger) : ITrainingJob
{
    private TimeSpan LeaseDuration => TimeSpan.FromSeconds(settings.Value.LeaseSeconds);

    public async Task RunAsync(string taskId, CancellationToken cancellationToken)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lifetime.ApplicationStopping);
        if (stopping.IsCancellationRequested) return;

        // Step 1: pick.
        var picked = await PickAsync(taskId, stopping.Token);
        if (picked is null) return;

        // Step 2: lease.
        var lease = await TakeLeaseAsync(picked.AdapterId, stopping.Token);
        if (lease is null) return;
        var records = new RunRecords(contexts, hub, time, lease, picked.Id);
        RunPlan? plan = null;
        var attempt = picked.Attempt + 1;
        try
        {
            // Step 3: start.
            var task = await records.StartAsync(stopping.Token);
            if (task is null) return;

            // Step 4: prepare.
            plan = await preparation.PrepareAsync(task, stopping.Token);

            // Step 5: train.
            var outcome = await TrainAsync(plan, records, lease, stopping.Token);
            if (outcome is not RunOutcome.Finished)
            {
                await RecordAsync(outcome, task, records);
                return;
            }

            // Step 6: store.
            var result = RunJson.Read<RunResult>(Path.Combine(plan.Folder, RunResult.FileName));
            var state = await StoreAsync(plan, RunResult.StateFile);
            var adapter = await StoreAsync(plan, RunResult.AdapterFile);

            // Step 7: publish.
            var number = await new Publication(plan, result, adapter, state).WriteAsync(records, CancellationToken.None);
            if (number is { } version) logger.Succeeded(task.Id, version, task.AdapterId);
            else logger.Cancelled(task.Id);
        }
        catch (LeaseLostException)
        {
            // The holder after us decides what becomes of the task.
            logger.LeaseLost(picked.Id);
        }
        catch (HeadMovedException moved)
        {
            await RecordAsync(new RunOutcome.PutBack(moved.Message), picked, records);
        }
        catch (Exception known) when (Known(known) is not null)
        {
            await RecordAsync(Known(known)!, picked, records);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            await RecordAsync(new RunOutcome.PutBack("The service is stopping."), picked, records);
        }
        catch (Exception fault)
        {
            // The border of the job: whatever went wrong here must not leave a task running for ever.
            logger.RunFaulted(fault, picked.Id, attempt);
            await RecordAsync(new RunOutcome.Died($"A fault of the service ended the run: {fault.Message}"), picked, records);
        }
        finally
        {
            // Step 8: clean up and wake the next.
            if (plan is not null) Directory.Delete(plan.Folder, recursive: true);
            await ReleaseAsync(lease);
        }
    }

    private static RunOutcome.Failed? Known(Exception exception) => exception switch
    {
        ObjectDamagedException => new(TaskFailureCode.ObjectDamaged, exception.Message, UserError: false),
        ModelFormatException => new(TaskFailureCode.ModelUnavailable, exception.Message, UserError: false),
        _ => null,
    };

    private async Task<LearningTask?> PickAsync(string taskId, CancellationToken cancellationToken)
    {
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        var adapterId = await database.Tasks.Where(row => row.Id == taskId).Select(row => row.AdapterId).SingleOrDefaultAsync(cancellationToken);
        // Ids sort by creation.
        return await database.Tasks.AsNoTracking()
            .Where(row => row.AdapterId == adapterId && row.Status == LearningTaskStatus.Queued)
            .OrderBy(row => row.Id)
            .FirstOrDefaultAsync(cancellationToken);
    }

    private async Task<AdapterLease?> TakeLeaseAsync(string adapterId, CancellationToken cancellationToken)
    {
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        return await AdapterLease.TryTakeAsync(database, adapterId, Ids.New("run"), LeaseDuration, time.GetUtcNow(), cancellationToken);
    }

    private async Task<RunOutcome> TrainAsync(RunPlan plan, RunRecords records, AdapterLease lease, CancellationToken stopping)
    {
        using var process = TrainingProcess.Start(plan.SpecPath, RunPreparation.Threads(settings.Value));
        logger.RunBegins(plan.Task.Id, plan.Task.Attempt, process.Id);
        var progress = new RunProgress(plan.Ancestors.Count > 0 || plan.Task.EvaluationDatasetId is not null);
        var follower = new RunFollower(records, progress, plan.Task, RenewAsync, settings.Value, time, logger);
        return await follower.FollowAsync(process, stopping);

        async Task<bool> RenewAsync(CancellationToken cancellationToken)
        {
            await using var database = await contexts.CreateDbContextAsync(cancellationToken);
            return await lease.RenewAsync(database, LeaseDuration, time.GetUtcNow(), cancellationToken);
        }
    }

    private async Task<StoredObject> StoreAsync(RunPlan plan, string file)
    {
        await using var content = File.OpenRead(Path.Combine(plan.Folder, file));
        return await objects.PutIfAbsentAsync(content, CancellationToken.None);
    }

    private async Task RecordAsync(RunOutcome outcome, LearningTask task, RunRecords records)
    {
        // Not cancellable: a stopping host must still write down that it stopped the run.
        try
        {
            switch (outcome)
            {
                case RunOutcome.Failed failed:
                    await records.FailAsync(failed.Code, failed.Message, failed.UserError, CancellationToken.None);
                    logger.Failed(task.Id, WireName.Of(failed.Code), failed.Message);
                    break;
                case RunOutcome.Died died:
                    await records.AttemptFailedAsync(died.Reason, settings.Value.MaxAttempts, CancellationToken.None);
                    logger.AttemptFailed(task.Id, task.Attempt, died.Reason);
                    break;
                case RunOutcome.Cancelled:
                    await records.CancelAsync(CancellationToken.None);
                    logger.Cancelled(task.Id);
                    break;
                case RunOutcome.PutBack putBack:
                    await records.PutBackAsync(putBack.Reason, CancellationToken.None);
                    logger.PutBack(task.Id, putBack.Reason);
                    break;
                case RunOutcome.LeaseLost:
                    logger.LeaseLost(task.Id);
                    break;
            }
        }
        catch (LeaseLostException)
        {
            logger.LeaseLost(task.Id);
        }
    }

    private async Task ReleaseAsync(AdapterLease lease)
    {
        await using var database = await contexts.CreateDbContextAsync(CancellationToken.None);
        await lease.ReleaseAsync(database, CancellationToken.None);
        var next = await database.Tasks
            .Where(row => row.AdapterId == lease.AdapterId && row.Status == LearningTaskStatus.Queued)
            .OrderBy(row => row.Id)
            .Select(row => row.Id)
            .FirstOrDefaultAsync(CancellationToken.None);
        if (next is not null && !lifetime.ApplicationStopping.IsCancellationRequested) queue.Enqueue(next);
    }
}
