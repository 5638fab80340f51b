using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ContinualService.Worker.Upkeep;

/// <summary>Keeps store and database from growing for ever: looks every minute whether the collector or the retention is due, over all workers.</summary>
internal sealed class UpkeepService(
    UpkeepTurn turn, ObjectCollector collector, Retention retention, IOptions<CollectOptions> collect, TimeProvider time, ILogger<UpkeepService> logger) : BackgroundService
{
    internal const string Collect = "collect";
    internal const string Expire = "retention";
    private static readonly TimeSpan LookEvery = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan RetentionInterval = TimeSpan.FromHours(1);

    /// <summary>Does what is due.</summary>
    internal async Task LookAsync(CancellationToken cancellationToken)
    {
        if (collect.Value.CollectMinutes > 0)
            await TryAsync(Collect, TimeSpan.FromMinutes(collect.Value.CollectMinutes), token => collector.CollectAsync(dryRun: false, collected: null, token), cancellationToken);
        await TryAsync(Expire, RetentionInterval, retention.RunAsync, cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(LookEvery, time);
        do await LookAsync(stoppingToken);
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task TryAsync(string name, TimeSpan interval, Func<CancellationToken, Task> work, CancellationToken cancellationToken)
    {
        try
        {
            await turn.TryAsync(name, interval, work, cancellationToken);
        }
        catch (Exception fault) when (!cancellationToken.IsCancellationRequested)
        {
            // A database or store that does not answer may do so a minute later; ending the worker would help nobody.
            logger.UpkeepFailed(fault, name);
        }
    }
}
