using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Caching.Memory;

namespace ContinualService.Api.Tasks;

/// <summary>
/// Where queued tasks stand in the queue; 1 is next. An estimate: workers take turns between tenants, so ahead of a tenant's n-th task stand its own n - 1
/// and as many of every other tenant, or fewer where that has fewer waiting. The tenant's own order is read with every answer; how many others wait may be a
/// second old, because to count them is to read the whole queue.
/// </summary>
internal sealed class QueuePlaces(ServiceDbContext database, IMemoryCache cache)
{
    // Further back the place tells nobody anything, and counting would cost more than the answer.
    private const int LastPlace = 1000;
    private static readonly object WaitingKey = new();
    private static readonly TimeSpan WaitingAge = TimeSpan.FromSeconds(1);

    /// <summary>Places by task id; without an entry the task is not queued, or too far back.</summary>
    public async Task<IReadOnlyDictionary<string, int>> OfAsync(IReadOnlyList<LearningTask> tasks, CancellationToken cancellationToken)
    {
        var places = new Dictionary<string, int>();
        if (tasks.FirstOrDefault(task => task.Status is LearningTaskStatus.Queued) is not { TenantId: var tenantId }) return places;
        var own = await database.Tasks.Where(row => row.Status == LearningTaskStatus.Queued && row.TenantId == tenantId)
            .OrderByDescending(row => row.Priority).ThenBy(row => row.Id)
            .Select(row => row.Id).Take(LastPlace).ToListAsync(cancellationToken);
        var others = (await WaitingAsync(cancellationToken)).Where(waiting => waiting.TenantId != tenantId).Select(waiting => waiting.Count).ToList();
        for (var index = 0; index < own.Count; index++) places[own[index]] = index + 1 + others.Sum(count => Math.Min(count, index + 1));
        return places;
    }

    private async Task<IReadOnlyList<Waiting>> WaitingAsync(CancellationToken cancellationToken)
    {
        if (cache.TryGetValue(WaitingKey, out IReadOnlyList<Waiting>? remembered)) return remembered!;
        var counts = await database.Tasks.Where(row => row.Status == LearningTaskStatus.Queued)
            .GroupBy(row => row.TenantId).Select(group => new Waiting(group.Key, group.Count())).ToListAsync(cancellationToken);
        return cache.Set<IReadOnlyList<Waiting>>(WaitingKey, counts, WaitingAge);
    }

    private sealed record Waiting(string TenantId, int Count);
}
