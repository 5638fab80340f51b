using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Tasks;

/// <summary>
/// Where queued tasks stand in the queue; 1 is next. An estimate: workers take turns between tenants, so ahead of a tenant's n-th task stand its own n - 1
/// and as many of every other tenant, or fewer where that has fewer waiting.
/// </summary>
internal static class QueuePlaces
{
    // Further back the place tells nobody anything, and counting would cost more than the answer.
    private const int LastPlace = 1000;

    /// <summary>Places by task id; without an entry the task is not queued, or too far back.</summary>
    public static async Task<IReadOnlyDictionary<string, int>> OfAsync(
        ServiceDbContext database, IReadOnlyList<LearningTask> tasks, CancellationToken cancellationToken)
    {
        var places = new Dictionary<string, int>();
        if (tasks.FirstOrDefault(task => task.Status is LearningTaskStatus.Queued) is not { TenantId: var tenantId }) return places;
        var queued = database.Tasks.Where(row => row.Status == LearningTaskStatus.Queued);
        var own = await queued.Where(row => row.TenantId == tenantId).OrderByDescending(row => row.Priority).ThenBy(row => row.Id)
            .Select(row => row.Id).Take(LastPlace).ToListAsync(cancellationToken);
        var others = await queued.Where(row => row.TenantId != tenantId).GroupBy(row => row.TenantId).Select(group => group.Count()).ToListAsync(cancellationToken);
        for (var index = 0; index < own.Count; index++) places[own[index]] = index + 1 + others.Sum(count => Math.Min(count, index + 1));
        return places;
    }
}
