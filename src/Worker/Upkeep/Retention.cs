using ContinualService.Domain.Tasks;
using ContinualService.Domain.Upkeep;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ContinualService.Worker.Upkeep;

/// <summary>
/// Deletes rows whose time is over, in small batches, so that no lock is held for long. Steps and events go task by task in the order in which the tasks ended, and how
/// far that got is written down: a pass looks at what has come due since the last one, not at all tasks there ever were.
/// </summary>
internal sealed class Retention(IDbContextFactory<ServiceDbContext> contexts, IOptions<RetentionOptions> options, TimeProvider time, ILogger<Retention> logger)
{
    internal const string Steps = "retention.step-metrics";
    internal const string Events = "retention.events";
    private const int TasksAtOnce = 100;
    private const int RowsAtOnce = 1000;

    /// <summary>One pass; after a fault in the middle the next one goes on.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        var (steps, events, audit, keys, deliveries) = (0L, 0L, 0L, 0L, 0L);
        if (Before(options.Value.StepMetricDays) is { } stepsBefore) steps = await PruneAsync(database, Steps, stepsBefore, DeleteStepsAsync, cancellationToken);
        if (Before(options.Value.EventDays) is { } eventsBefore) events = await PruneAsync(database, Events, eventsBefore, DeleteEventsAsync, cancellationToken);
        if (Before(options.Value.AuditDays) is { } auditBefore)
        {
            var old = database.Audit.Where(row => row.CreatedAt < auditBefore);
            audit = await DeleteAsync(old.Select(row => row.CreatedAt), last => old.Where(row => row.CreatedAt <= last).ExecuteDeleteAsync(cancellationToken), cancellationToken);
        }

        if (Before(options.Value.IdempotencyDays) is { } keysBefore)
        {
            var old = database.IdempotencyRecords.Where(row => row.CreatedAt < keysBefore);
            keys = await DeleteAsync(old.Select(row => row.CreatedAt), last => old.Where(row => row.CreatedAt <= last).ExecuteDeleteAsync(cancellationToken), cancellationToken);
        }

        if (Before(options.Value.WebhookDays) is { } deliveriesBefore)
        {
            // What is still to be sent stays, however old it is.
            var old = database.WebhookDeliveries.Where(row => row.CreatedAt < deliveriesBefore && row.NextAttemptAt == null);
            deliveries = await DeleteAsync(old.Select(row => row.CreatedAt), last => old.Where(row => row.CreatedAt <= last).ExecuteDeleteAsync(cancellationToken), cancellationToken);
        }

        if (steps + events + audit + keys + deliveries > 0) logger.RowsExpired(steps, events, audit, keys, deliveries);
    }

    private DateTimeOffset? Before(int days) => days == 0 ? null : time.GetUtcNow() - TimeSpan.FromDays(days);

    private async Task<long> PruneAsync(
        ServiceDbContext database, string name, DateTimeOffset before, Func<ServiceDbContext, string, DateTimeOffset, CancellationToken, Task<long>> delete, CancellationToken cancellationToken)
    {
        var record = await database.Upkeep.SingleOrDefaultAsync(row => row.Name == name, cancellationToken);
        if (record is null) database.Upkeep.Add(record = new UpkeepRecord { Name = name });
        var deleted = 0L;
        var (from, after) = (record.Until ?? DateTimeOffset.UnixEpoch, "");
        while (true)
        {
            var due = await DueAsync(database, from, after, before, cancellationToken);
            foreach (var (taskId, _) in due) deleted += await delete(database, taskId, before, cancellationToken);
            if (due.Count > 0) (after, from) = due[^1];
            (record.Until, record.DoneAt) = (from, time.GetUtcNow());
            await database.SaveChangesAsync(cancellationToken);
            if (due.Count < TasksAtOnce) return deleted;
        }
    }

    /// <summary>The next tasks that ended at <paramref name="from"/> or later and before <paramref name="before"/>.</summary>
    internal static async Task<List<(string Id, DateTimeOffset FinishedAt)>> DueAsync(
        ServiceDbContext database, DateTimeOffset from, string after, DateTimeOffset before, CancellationToken cancellationToken)
    {
        var due = await Due(database, from, after, before).Select(row => new { row.Id, row.FinishedAt }).ToListAsync(cancellationToken);
        return due.ConvertAll(task => (task.Id, task.FinishedAt!.Value));
    }

    // The first condition is part of the second; it is the range that the index search starts with.
    internal static IQueryable<LearningTask> Due(ServiceDbContext database, DateTimeOffset from, string after, DateTimeOffset before) =>
        database.Tasks.AsNoTracking()
            .Where(row => row.FinishedAt >= from && row.FinishedAt < before)
            .Where(row => row.FinishedAt > from || string.Compare(row.Id, after) > 0)
            .OrderBy(row => row.FinishedAt).ThenBy(row => row.Id)
            .Take(TasksAtOnce);

    private static async Task<long> DeleteStepsAsync(ServiceDbContext database, string taskId, DateTimeOffset before, CancellationToken cancellationToken)
    {
        var deleted = 0L;
        while (true)
        {
            var last = await database.StepMetrics.Where(row => row.TaskId == taskId).OrderBy(row => row.Attempt).ThenBy(row => row.Step)
                .Skip(RowsAtOnce - 1).Select(row => new { row.Attempt, row.Step }).FirstOrDefaultAsync(cancellationToken);
            var (attempt, step) = last is null ? (int.MaxValue, int.MaxValue) : (last.Attempt, last.Step);
            var gone = await database.StepMetrics
                .Where(row => row.TaskId == taskId && (row.Attempt < attempt || (row.Attempt == attempt && row.Step <= step)))
                .Where(row => database.Tasks.Any(task => task.Id == row.TaskId && task.FinishedAt < before))
                .ExecuteDeleteAsync(cancellationToken);
            deleted += gone;
            // None: its owner is just running it once more.
            if (last is null || gone == 0) return deleted;
        }
    }

    private static async Task<long> DeleteEventsAsync(ServiceDbContext database, string taskId, DateTimeOffset before, CancellationToken cancellationToken)
    {
        var deleted = 0L;
        var final = await database.TaskEvents.Where(row => row.TaskId == taskId).MaxAsync(row => (int?)row.Number, cancellationToken) ?? 0;
        while (true)
        {
            var last = await database.TaskEvents.Where(row => row.TaskId == taskId && row.Number < final).OrderBy(row => row.Number)
                .Skip(RowsAtOnce - 1).Select(row => (int?)row.Number).FirstOrDefaultAsync(cancellationToken);
            var upTo = last ?? final - 1;
            var gone = await database.TaskEvents
                .Where(row => row.TaskId == taskId && row.Number <= upTo)
                .Where(row => database.Tasks.Any(task => task.Id == row.TaskId && task.FinishedAt < before))
                .ExecuteDeleteAsync(cancellationToken);
            deleted += gone;
            if (last is null || gone == 0) return deleted;
        }
    }

    private static async Task<long> DeleteAsync(IQueryable<DateTimeOffset> moments, Func<DateTimeOffset, Task<int>> deleteUpTo, CancellationToken cancellationToken)
    {
        var deleted = 0L;
        while (true)
        {
            var last = await moments.OrderBy(moment => moment).Skip(RowsAtOnce - 1).Select(moment => (DateTimeOffset?)moment).FirstOrDefaultAsync(cancellationToken);
            deleted += await deleteUpTo(last ?? DateTimeOffset.MaxValue);
            if (last is null) return deleted;
        }
    }
}
