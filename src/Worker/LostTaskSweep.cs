using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Queue;
using ContinualService.Worker.Runs;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ContinualService.Worker;

/// <summary>
/// Brings back what a dead process left: at the start, before the queue's server takes anything, tasks that were running wait again; then, and once a
/// minute, tasks that wait while none runs get a message, because messages in memory die with their process.
/// </summary>
internal sealed class LostTaskSweep(
    IDbContextFactory<ServiceDbContext> contexts, DataFolder data, ITaskQueue queue, IOptions<TrainingSettings> settings, TimeProvider time, ILogger<LostTaskSweep> logger)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await SweepAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    /// <summary>Call only while this process alone runs tasks on the data folder (<see cref="DataFolderOwnership"/>).</summary>
    internal async Task SweepAsync(CancellationToken cancellationToken)
    {
        if (Directory.Exists(data.Runs)) Directory.Delete(data.Runs, recursive: true);
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        await database.Adapters.Where(row => row.LeaseOwner != null).ExecuteUpdateAsync(
            set => set.SetProperty(row => row.LeaseOwner, (string?)null).SetProperty(row => row.LeaseExpiresAt, (DateTimeOffset?)null), cancellationToken);
        var lost = await database.Tasks.Where(row => row.Status == LearningTaskStatus.Running).OrderBy(row => row.Id).ToListAsync(cancellationToken);
        foreach (var task in lost)
            await RunRecords.AttemptFailedAsync(database, task, "The service ended during the run.", settings.Value.MaxAttempts, time.GetUtcNow(), cancellationToken);
        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        var failed = lost.Count(task => task.Status == LearningTaskStatus.Failed);
        var waiting = await WakeAsync(database, cancellationToken);
        logger.Swept(lost.Count - failed, failed, waiting);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await using var database = await contexts.CreateDbContextAsync(stoppingToken);
                if (!await database.Tasks.AnyAsync(row => row.Status == LearningTaskStatus.Running, stoppingToken)) await WakeAsync(database, stoppingToken);
            }
            catch (Exception fault) when (fault is not OperationCanceledException)
            {
                // A locked or full disk may be better in a minute; ending the service would help nobody.
                logger.SweepFailed(fault);
            }
        }
    }

    private async Task<int> WakeAsync(ServiceDbContext database, CancellationToken cancellationToken)
    {
        var waiting = await database.Tasks.Where(row => row.Status == LearningTaskStatus.Queued).OrderBy(row => row.Id).Select(row => row.Id).ToListAsync(cancellationToken);
        foreach (var taskId in waiting) queue.Enqueue(taskId);
        return waiting.Count;
    }
}
