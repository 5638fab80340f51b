using System.Data.Common;
using ContinualService.Domain.Webhooks;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace ContinualService.Api.Webhooks;

/// <summary>
/// Delivers what is due, in every process of the API. A delivery is claimed by moving its next attempt to where a retry would be: whoever moves it sends it,
/// and when that process dies the retry comes by itself. So a receiver gets a message at least once, and knows a repetition by its id.
/// </summary>
internal sealed partial class WebhookDeliverer(
    IDbContextFactory<ServiceDbContext> contexts, WebhookSender sender, IOptions<WebhookOptions> options, TimeProvider time, ILogger<WebhookDeliverer> logger) : BackgroundService
{
    private const int AtOnce = 8;
    private const int MostDue = 100;
    private const double Growth = 4;
    private static readonly TimeSpan LongestPause = TimeSpan.FromHours(6);

    /// <summary>How long to wait after this attempt.</summary>
    /// <param name="attempt">From 1.</param>
    /// <param name="first">The pause after the first.</param>
    internal static TimeSpan Pause(int attempt, TimeSpan first) => TimeSpan.FromSeconds(Math.Min(first.TotalSeconds * Math.Pow(Growth, attempt - 1), LongestPause.TotalSeconds));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(options.Value.PollSeconds), time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await DeliverDueAsync(stoppingToken);
            }
            catch (Exception fault) when (fault is DbException or DbUpdateException or InvalidOperationException or TimeoutException) // the database does not answer: the rows wait for the next look
            {
                LogFailed(logger, fault);
            }
        }
    }

    private async Task DeliverDueAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        List<WebhookDelivery> due;
        await using (var database = await contexts.CreateDbContextAsync(cancellationToken))
            due = await database.WebhookDeliveries.AsNoTracking().Where(row => row.NextAttemptAt <= now).OrderBy(row => row.NextAttemptAt).Take(MostDue).ToListAsync(cancellationToken);
        await Parallel.ForEachAsync(due, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken }, async (delivery, token) => await DeliverAsync(delivery, token));
    }

    private async Task DeliverAsync(WebhookDelivery delivery, CancellationToken cancellationToken)
    {
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        var (now, attempt) = (time.GetUtcNow(), delivery.Attempts + 1);
        // Step 1: claim. Not before this attempt's own limit may another process take it for lost.
        var pause = Pause(attempt, TimeSpan.FromSeconds(options.Value.FirstRetrySeconds));
        DateTimeOffset retryAt = now + pause, lostAt = now + TimeSpan.FromSeconds(options.Value.TimeoutSeconds * 2) + pause;
        var claimed = await database.WebhookDeliveries
            .Where(row => row.Id == delivery.Id && row.NextAttemptAt == delivery.NextAttemptAt && row.Attempts == delivery.Attempts)
            .ExecuteUpdateAsync(set => set.SetProperty(row => row.Attempts, attempt).SetProperty(row => row.LastAttemptAt, now).SetProperty(row => row.NextAttemptAt, lostAt), cancellationToken);
        if (claimed == 0 || await database.Webhooks.AsNoTracking().FirstOrDefaultAsync(row => row.Id == delivery.WebhookId, cancellationToken) is not { } webhook) return;

        // Step 2: send.
        var (status, error) = await sender.SendAsync(webhook, delivery, cancellationToken);

        // Step 3: write down what came of it, unless its owner sent it once more meanwhile.
        DateTimeOffset? next = error is null || attempt >= options.Value.MaxAttempts ? null : retryAt;
        var deliveredAt = error is null ? time.GetUtcNow() : (DateTimeOffset?)null;
        await database.WebhookDeliveries.Where(row => row.Id == delivery.Id && row.NextAttemptAt == lostAt).ExecuteUpdateAsync(
            set => set.SetProperty(row => row.NextAttemptAt, next).SetProperty(row => row.LastStatus, status).SetProperty(row => row.LastError, error).SetProperty(row => row.DeliveredAt, deliveredAt),
            cancellationToken);
    }

    [LoggerMessage(1020, LogLevel.Warning, "Webhooks were not delivered; the next look goes on")]
    private static partial void LogFailed(ILogger logger, Exception fault);
}
