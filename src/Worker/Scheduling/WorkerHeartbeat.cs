using ContinualService.Domain.Workers;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ContinualService.Worker.Scheduling;

/// <summary>Says every few seconds that this worker is there and what it runs; removes workers that have not been heard of for a day.</summary>
internal sealed class WorkerHeartbeat(
    IDbContextFactory<ServiceDbContext> contexts, WorkerIdentity identity, CurrentRun current, IOptions<TrainingSettings> settings, TimeProvider time, ILogger<WorkerHeartbeat> logger)
    : BackgroundService
{
    internal static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ForgottenAfter = TimeSpan.FromDays(1);

    /// <summary>When it was last written down that this worker is there.</summary>
    public DateTimeOffset LastBeat { get; private set; } = time.GetUtcNow();

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        await database.Workers.Where(row => row.HeartbeatAt < now - ForgottenAfter).ExecuteDeleteAsync(cancellationToken);
        var worker = await database.Workers.SingleOrDefaultAsync(row => row.Id == identity.Id, cancellationToken);
        if (worker is null) database.Workers.Add(worker = new WorkerRecord { Id = identity.Id, Name = identity.Name, Device = settings.Value.Device });
        (worker.Name, worker.Device, worker.StartedAt, worker.HeartbeatAt, worker.TaskId, worker.StoppedAt) = (identity.Name, settings.Value.Device, now, now, null, null);
        await database.SaveChangesAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await BeatAsync(stopped: true, CancellationToken.None);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken)) await BeatAsync(stopped: false, stoppingToken);
    }

    private async Task BeatAsync(bool stopped, CancellationToken cancellationToken)
    {
        try
        {
            var now = time.GetUtcNow();
            var (taskId, stoppedAt) = (current.TaskId, stopped ? now : (DateTimeOffset?)null);
            await using var database = await contexts.CreateDbContextAsync(cancellationToken);
            await database.Workers.Where(row => row.Id == identity.Id).ExecuteUpdateAsync(
                set => set.SetProperty(row => row.HeartbeatAt, now).SetProperty(row => row.TaskId, taskId).SetProperty(row => row.StoppedAt, stoppedAt), cancellationToken);
            LastBeat = now;
        }
        catch (Exception fault) when (!cancellationToken.IsCancellationRequested)
        {
            // The next beat tells it.
            logger.HeartbeatFailed(fault);
        }
    }
}
