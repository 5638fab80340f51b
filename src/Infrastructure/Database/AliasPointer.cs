using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Infrastructure.Database;

/// <summary>The one way in which a name, and the head, come to a version: the row and its history move together.</summary>
public static class AliasPointer
{
    /// <summary>Has a version answer as <c>live</c> and the next task start from it. The caller holds the adapter's lock, and saves.</summary>
    /// <param name="database">The rows.</param>
    /// <param name="version">An adapter's.</param>
    /// <param name="actor">See <see cref="AliasChange.Actor"/>.</param>
    /// <param name="now">When.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task MakeHeadAsync(this ServiceDbContext database, AdapterVersion version, string actor, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var adapter = await database.Adapters.SingleAsync(row => row.Id == version.AdapterId, cancellationToken);
        (adapter.HeadVersion, adapter.TaskCount) = (version.Number, version.TaskIndex);
        await database.PointAliasAsync(version.AdapterId, AdapterAlias.Live, version.Number, actor, now, cancellationToken);
    }

    /// <summary>Points an alias at a version, and makes it where it is not there; one that names it already stays as it is. The caller holds the adapter's lock, and saves.</summary>
    /// <param name="database">The rows.</param>
    /// <param name="adapterId">Whose alias.</param>
    /// <param name="alias">Its name.</param>
    /// <param name="number">The version's.</param>
    /// <param name="actor">See <see cref="AliasChange.Actor"/>.</param>
    /// <param name="now">When.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task PointAliasAsync(
        this ServiceDbContext database, string adapterId, string alias, int number, string actor, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var row = await database.Aliases.SingleOrDefaultAsync(other => other.AdapterId == adapterId && other.Name == alias, cancellationToken);
        if (row?.VersionNumber == number) return;
        database.AliasChanges.Add(new AliasChange
        {
            Id = Ids.New("chg"),
            AdapterId = adapterId,
            Alias = alias,
            FromVersion = row?.VersionNumber,
            ToVersion = number,
            Actor = actor,
            ChangedAt = now,
        });
        if (row is null) database.Aliases.Add(row = new AdapterAlias { AdapterId = adapterId, Name = alias });
        (row.VersionNumber, row.UpdatedAt) = (number, now);
    }
}
