using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Worker.Scheduling;

/// <summary>
/// Chooses what a free worker runs. Between tenants: whose runs took the least time within the last hour, divided by the tenant's weight. Within a
/// tenant: the highest priority, then the earliest. Within an adapter the order of submission always holds, because each task builds on the last.
/// </summary>
internal static class TaskChooser
{
    private static readonly TimeSpan Window = TimeSpan.FromHours(1);

    /// <summary>The task to run next; null where none can run now. Only the adapter's lease makes it one's own.</summary>
    public static async Task<LearningTask?> ChooseAsync(ServiceDbContext database, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var ready = Ready(database, now);
        var tenants = await ready.Select(row => row.TenantId).Distinct().ToListAsync(cancellationToken);
        if (tenants.Count == 0) return null;
        var tenant = tenants.Count == 1 ? tenants[0] : await NeediestAsync(database, tenants, now, cancellationToken);
        return await ready.AsNoTracking().Where(row => row.TenantId == tenant).OrderByDescending(row => row.Priority).ThenBy(row => row.Id).FirstOrDefaultAsync(cancellationToken);
    }

    /// <summary>Queued tasks whose adapter is free and has no earlier task that is unfinished; a forecast changes nothing, so it waits for none and none for it.</summary>
    public static IQueryable<LearningTask> Ready(ServiceDbContext database, DateTimeOffset now) =>
        from task in database.Tasks
        join adapter in database.Adapters on task.AdapterId equals adapter.Id
        where task.Status == LearningTaskStatus.Queued
            && (adapter.LeaseOwner == null || adapter.LeaseExpiresAt < now)
            && !database.Tasks.Any(other => other.AdapterId == task.AdapterId
                && (other.Status == LearningTaskStatus.Running
                    || (task.Kind != LearningTaskKind.Forecast && other.Kind != LearningTaskKind.Forecast
                        && (other.Status == LearningTaskStatus.Queued || other.Status == LearningTaskStatus.Paused) && string.Compare(other.Id, task.Id) < 0)))
        select task;

    private static async Task<string> NeediestAsync(ServiceDbContext database, IReadOnlyList<string> tenants, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var from = now - Window;
        var runs = await database.Runs.AsNoTracking()
            .Where(row => row.EndedAt == null || row.EndedAt > from)
            .Select(row => new { row.TenantId, row.StartedAt, row.EndedAt })
            .ToListAsync(cancellationToken);
        var used = runs.GroupBy(run => run.TenantId).ToDictionary(
            group => group.Key, group => group.Sum(run => ((run.EndedAt ?? now) - (run.StartedAt > from ? run.StartedAt : from)).TotalSeconds));
        var weights = await database.Tenants.AsNoTracking().Where(row => tenants.Contains(row.Id)).ToDictionaryAsync(row => row.Id, row => row.Weight, cancellationToken);
        // Among equals the one made first, so that two workers agree.
        return tenants.OrderBy(tenant => used.GetValueOrDefault(tenant) / weights[tenant]).ThenBy(tenant => tenant, StringComparer.Ordinal).First();
    }
}
