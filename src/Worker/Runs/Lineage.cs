using ContinualService.Domain.Adapters;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Worker.Runs;

/// <summary>The versions from the first to one of an adapter's, along the parents. Versions beside that path are no part of it.</summary>
public static class Lineage
{
    /// <summary>Oldest first; empty for version 0, the bare base.</summary>
    public static async Task<IReadOnlyList<AdapterVersion>> ToAsync(ServiceDbContext database, string adapterId, int number, CancellationToken cancellationToken) =>
        To(await database.Versions.AsNoTracking().Where(row => row.AdapterId == adapterId).ToListAsync(cancellationToken), number);

    /// <summary>The same among all of an adapter's versions, where they are at hand.</summary>
    public static List<AdapterVersion> To(IEnumerable<AdapterVersion> all, int number)
    {
        var byNumber = all.ToDictionary(version => version.Number);
        var path = new List<AdapterVersion>();
        for (int? at = number == 0 ? null : number; at is { } next; at = path[^1].Parent) path.Add(byNumber[next]);
        path.Reverse();
        return path;
    }
}
