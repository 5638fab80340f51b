using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Tasks;

/// <summary>Where queued tasks stand in the queue, over all tenants; 1 is next.</summary>
internal static class QueuePlaces
{
    public static async Task<IReadOnlyDictionary<string, int>> OfAsync(
        ServiceDbContext database, IReadOnlyList<LearningTask> tasks, CancellationToken cancellationToken)
    {
        var places = new Dictionary<string, int>();
        if (!tasks.Any(task => task.Status is LearningTaskStatus.Queued)) return places;
        var queued = await database.Tasks.Where(row => row.Status == LearningTaskStatus.Queued).OrderBy(row => row.Id).Select(row => row.Id).ToListAsync(cancellationToken);
        for (var index = 0; index < queued.Count; index++) places[queued[index]] = index + 1;
        return places;
    }
}
