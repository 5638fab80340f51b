using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Infrastructure.Telemetry;

/// <summary>What the database says of tasks, workers and versions at one moment; every process reads the same.</summary>
/// <param name="Tasks">Tasks by tenant class and state, zeros included.</param>
/// <param name="WaitingSince">When the task was queued that has waited longest; null: none waits.</param>
/// <param name="Busy">Living workers that run a task.</param>
/// <param name="Idle">Living workers that run none.</param>
/// <param name="Forgetting">Per tenant class, the forgetting of the version published last that has one.</param>
internal sealed record QueueState(
    IReadOnlyDictionary<(string Class, LearningTaskStatus Status), long> Tasks, DateTimeOffset? WaitingSince, long Busy, long Idle, IReadOnlyDictionary<string, double> Forgetting)
{
    // Six heartbeats.
    private static readonly TimeSpan WorkerLives = TimeSpan.FromSeconds(30);

    // Ids are in order of submission. Only tasks that were resumed or run once more have waited for less long than their place says.
    private const int LookedAt = 100;

    public long Waiting => Tasks.Where(each => each.Key.Status == LearningTaskStatus.Queued).Sum(each => each.Value);

    public static async Task<QueueState> ReadAsync(ServiceDbContext database, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var classes = await database.Tenants.Select(row => row.Class).Distinct().ToListAsync(cancellationToken);
        var alive = now - WorkerLives;
        var workers = await database.Workers.Where(row => row.StoppedAt == null && row.HeartbeatAt > alive).Select(row => row.TaskId != null).ToListAsync(cancellationToken);
        return new QueueState(
            await TasksAsync(database, classes, cancellationToken), await WaitingSinceAsync(database, cancellationToken),
            workers.Count(busy => busy), workers.Count(busy => !busy), await ForgettingAsync(database, classes, cancellationToken));
    }

    // Grouped by tenant first: that reads the index of tenant and state alone.
    private static async Task<Dictionary<(string Class, LearningTaskStatus Status), long>> TasksAsync(
        ServiceDbContext database, IReadOnlyList<string> classes, CancellationToken cancellationToken)
    {
        var counts = await (
            from counted in database.Tasks.GroupBy(row => new { row.TenantId, row.Status }).Select(same => new { same.Key.TenantId, same.Key.Status, Count = same.LongCount() })
            join tenant in database.Tenants on counted.TenantId equals tenant.Id
            select new { tenant.Class, counted.Status, counted.Count }).ToListAsync(cancellationToken);
        var tasks = classes.SelectMany(name => Enum.GetValues<LearningTaskStatus>().Select(status => (name, status))).ToDictionary(key => key, _ => 0L);
        foreach (var each in counts) tasks[(each.Class, each.Status)] = tasks.GetValueOrDefault((each.Class, each.Status)) + each.Count;
        return tasks;
    }

    private static async Task<DateTimeOffset?> WaitingSinceAsync(ServiceDbContext database, CancellationToken cancellationToken)
    {
        var queued = await database.Tasks.Where(row => row.Status == LearningTaskStatus.Queued).OrderBy(row => row.Id).Take(LookedAt)
            .Select(row => database.TaskEvents.Where(each => each.TaskId == row.Id && each.Type == TaskEventTypes.Queued).OrderByDescending(each => each.Number)
                .Select(each => (DateTimeOffset?)each.CreatedAt).FirstOrDefault() ?? row.CreatedAt)
            .ToListAsync(cancellationToken);
        return queued.Count == 0 ? null : queued.Min();
    }

    private static async Task<Dictionary<string, double>> ForgettingAsync(ServiceDbContext database, IReadOnlyList<string> classes, CancellationToken cancellationToken)
    {
        var forgetting = new Dictionary<string, double>();
        foreach (var name in classes)
        {
            var last = await (
                from version in database.Versions
                join adapter in database.Adapters on version.AdapterId equals adapter.Id
                join tenant in database.Tenants on adapter.TenantId equals tenant.Id
                where tenant.Class == name && version.Forgetting != null
                orderby version.Id descending
                select version.Forgetting).FirstOrDefaultAsync(cancellationToken);
            if (last is { } value) forgetting[name] = value;
        }

        return forgetting;
    }
}
