using ContinualService.Domain;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Queue;
using ContinualService.Worker.Runs;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ContinualService.Worker.Scheduling;

/// <summary>
/// Brings back what dead processes left. At the start, before the queue's server takes anything: the tasks that this worker itself was running when it died.
/// Then, on a timer in every worker: tasks of others whose lease ran out, and messages for tasks that have none.
/// </summary>
internal sealed class LostTaskSweep(
    IDbContextFactory<ServiceDbContext> contexts, DataFolder data, WorkerIdentity identity, ITaskQueue queue, EventHub hub, RunMetrics metrics, IOptions<TrainingSettings> settings, TimeProvider time,
    ILogger<LostTaskSweep> logger) : BackgroundService
{
    // At most so many messages are made up for in one pass; the next pass makes up for the rest.
    private const int MostMessages = 100;

    /// <summary>When the last whole pass began.</summary>
    public DateTimeOffset LastPass { get; private set; } = time.GetUtcNow();

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await SweepOwnAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    /// <summary>Call only while this process alone works with its data folder (<see cref="WorkerIdentity"/>).</summary>
    internal async Task SweepOwnAsync(CancellationToken cancellationToken)
    {
        if (Directory.Exists(data.Runs)) Directory.Delete(data.Runs, recursive: true);
        var mine = AdapterLease.OwnerOf(identity.Id, "");
        await using (var database = await contexts.CreateDbContextAsync(cancellationToken))
        {
            var longAgo = DateTimeOffset.UnixEpoch;
            await database.Adapters.Where(row => row.LeaseOwner!.StartsWith(mine)).ExecuteUpdateAsync(set => set.SetProperty(row => row.LeaseExpiresAt, longAgo), cancellationToken);
        }

        await SweepAsync(cancellationToken);
    }

    /// <summary>One pass over what is lost, whoever lost it. Any number of workers may do it at once.</summary>
    internal async Task SweepAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        var lost = await (
            from task in database.Tasks.AsNoTracking()
            join adapter in database.Adapters on task.AdapterId equals adapter.Id
            where task.Status == LearningTaskStatus.Running && (adapter.LeaseOwner == null || adapter.LeaseExpiresAt < now)
            select new { task.Id, task.AdapterId }).ToListAsync(cancellationToken);
        foreach (var task in lost) await ReclaimAsync(task.Id, task.AdapterId, cancellationToken);
        await database.Adapters.Where(row => row.LeaseOwner != null && row.LeaseExpiresAt < now).ExecuteUpdateAsync(
            set => set.SetProperty(row => row.LeaseOwner, (string?)null).SetProperty(row => row.LeaseExpiresAt, (DateTimeOffset?)null), cancellationToken);
        var woken = await WakeAsync(database, now, cancellationToken);
        LastPass = now;
        if (lost.Count > 0 || woken > 0) logger.Swept(lost.Count, woken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(settings.Value.SweepSeconds), time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await SweepAsync(stoppingToken);
            }
            catch (Exception fault) when (!stoppingToken.IsCancellationRequested)
            {
                // A locked or full disk, or a database that restarts, may be better next time; ending the service would help nobody.
                logger.SweepFailed(fault);
            }
        }
    }

    private async Task ReclaimAsync(string taskId, string adapterId, CancellationToken cancellationToken)
    {
        var runId = Ids.New("run");
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        var lease = await AdapterLease.TryTakeAsync(
            database, adapterId, AdapterLease.OwnerOf(identity.Id, runId), TimeSpan.FromSeconds(settings.Value.LeaseSeconds), time.GetUtcNow(), cancellationToken);
        if (lease is null) return;
        try
        {
            var outage = new Outage(TimeSpan.Zero, time, logger);
            var records = new RunRecords(contexts, hub, time, outage, metrics, lease, runId, taskId);
            await records.AbandonedAsync("The worker that ran it ended or stopped answering.", settings.Value.MaxAttempts, cancellationToken);
            metrics.RunFailed(RunMetrics.WorkerLost);
        }
        finally
        {
            await lease.ReleaseAsync(database, CancellationToken.None);
        }
    }

    // A message too many finds nothing to do; one too few would leave a task waiting for ever.
    private async Task<int> WakeAsync(ServiceDbContext database, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var ready = await TaskChooser.Ready(database, now).OrderBy(row => row.Id).Select(row => row.Id).Take(MostMessages).ToListAsync(cancellationToken);
        if (ready.Count == 0) return 0;
        var missing = ready.Count - (int)Math.Min(queue.CountWaiting(), ready.Count);
        foreach (var taskId in ready.Take(missing)) queue.Enqueue(taskId);
        return missing;
    }
}
