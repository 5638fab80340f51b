using ContinualService.Domain.Adapters;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Worker.Runs;

/// <summary>The versions from the first to one of an adapter's, along the parents. Versions beside that path are no part of it.</summary>
public static class Lineage
{
    /// <summary>Oldest first; empty for version 0, the bare base.</summary>
    public static async Task<IReadOnlyList<AdapterVersion>> ToAsync(ServiceDbContext database, string adapterId, int number, CancellationToken cancellationToken)
    {
        var all = await database.Versions.AsNoTracking().Where(row => row.AdapterId == adapterId).ToDictionaryAsync(row => row.Number, cancellationToken);
        var path = new List<AdapterVersion>();
        for (int? at = number == 0 ? null : number; at is { } next; at = path[^1].Parent) path.Add(all[next]);
        path.Reverse();
        return path;
    }
}
