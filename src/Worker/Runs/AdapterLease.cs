using ContinualService.Domain.Adapters;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Worker.Runs;

/// <summary>
/// The right to train one adapter: at most one holder at a time. Every taking raises the adapter's fencing number, so that a holder who slept
/// through its expiry is known by its old number and can write nothing.
/// </summary>
/// <param name="AdapterId">What is held.</param>
/// <param name="Owner">Worker and run, as <see cref="OwnerOf"/> writes them.</param>
/// <param name="Fence">The adapter's fencing number while this lease is good.</param>
internal sealed record AdapterLease(string AdapterId, string Owner, long Fence)
{
    /// <summary>A worker that comes back after its death knows its own leases by the first part.</summary>
    public static string OwnerOf(string workerId, string runId) => $"{workerId}/{runId}";

    /// <summary>Takes the lease if nobody holds it; null otherwise.</summary>
    public static async Task<AdapterLease?> TryTakeAsync(
        ServiceDbContext database, string adapterId, string owner, TimeSpan duration, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var expires = now + duration;
        // One statement, so that of two takers one finds zero rows.
        var taken = await database.Adapters
            .Where(row => row.Id == adapterId && (row.LeaseOwner == null || row.LeaseExpiresAt < now))
            .ExecuteUpdateAsync(
                set => set.SetProperty(row => row.LeaseOwner, owner).SetProperty(row => row.LeaseFence, row => row.LeaseFence + 1).SetProperty(row => row.LeaseExpiresAt, expires),
                cancellationToken);
        if (taken == 0) return null;
        // Owners are unique, so this reads the number of our own taking even if it has run out since.
        var fence = await database.Adapters.Where(row => row.Id == adapterId && row.LeaseOwner == owner).Select(row => (long?)row.LeaseFence).SingleOrDefaultAsync(cancellationToken);
        return fence is { } number ? new AdapterLease(adapterId, owner, number) : null;
    }

    /// <summary>False when the lease has gone to another holder. One that ran out while nobody else took it is good again.</summary>
    public async Task<bool> RenewAsync(ServiceDbContext database, TimeSpan duration, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var expires = now + duration;
        return await Held(database).ExecuteUpdateAsync(set => set.SetProperty(row => row.LeaseExpiresAt, expires), cancellationToken) == 1;
    }

    /// <summary>Whether this holder may still write; ask inside the transaction that writes. Nobody can take the lease before that transaction ends.</summary>
    public async Task<bool> IsHeldAsync(ServiceDbContext database, CancellationToken cancellationToken)
    {
        await database.LockAdapterAsync(AdapterId, cancellationToken);
        return await Held(database).AnyAsync(cancellationToken);
    }

    public Task ReleaseAsync(ServiceDbContext database, CancellationToken cancellationToken) =>
        Held(database).ExecuteUpdateAsync(set => set.SetProperty(row => row.LeaseOwner, (string?)null).SetProperty(row => row.LeaseExpiresAt, (DateTimeOffset?)null), cancellationToken);

    private IQueryable<Adapter> Held(ServiceDbContext database) =>
        database.Adapters.Where(row => row.Id == AdapterId && row.LeaseOwner == Owner && row.LeaseFence == Fence);
}
