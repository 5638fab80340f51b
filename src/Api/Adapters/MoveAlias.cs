using ContinualService.Api.Errors;
using ContinualService.Api.Tenants;
using ContinualService.Domain.Adapters;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Adapters;

/// <summary>
/// Points the names of an adapter at other versions. Requests resolve a name once, so each is answered whole by the version that its name had when it came.
/// Under the lock on the adapter's row no publication moves the same name at the same time.
/// </summary>
internal sealed class MoveAlias(ServiceDbContext database, TimeProvider time)
{
    /// <summary>The action of a rollback in the audit log.</summary>
    public const string RolledBack = "adapter.rollback";

    private const int MostAliases = 32;

    /// <summary>Points <paramref name="alias"/> at a version, and makes it where it is not there. What the next task starts from stays.</summary>
    public async Task<Problem?> SetAsync(Caller caller, Adapter adapter, string alias, int number, CancellationToken cancellationToken)
    {
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        await database.LockAdapterAsync(adapter.Id, cancellationToken);
        if (await FindAsync(adapter, number, cancellationToken) is not { } version) return NoVersion(adapter, number);
        if (alias == AdapterAlias.Live && version.Refused) return KeptBack(adapter, number);
        var others = await database.Aliases.CountAsync(row => row.AdapterId == adapter.Id && row.Name != alias, cancellationToken);
        if (others >= MostAliases) return new(ProblemTypes.WrongState, $"The adapter has {others} other aliases, and there can be no more. DELETE one that is of no more use.");
        var now = time.GetUtcNow();
        await database.PointAliasAsync(adapter.Id, alias, number, caller.KeyId, now, cancellationToken);
        await EndAsync(caller, adapter, "adapter.alias", now, transaction, cancellationToken);
        return null;
    }

    /// <summary>Takes a name away. Its history stays.</summary>
    public async Task<Problem?> DeleteAsync(Caller caller, Adapter adapter, string alias, CancellationToken cancellationToken)
    {
        if (alias == AdapterAlias.Live) return new(ProblemTypes.WrongState, "Without live the adapter would answer to nothing but its versions. Point it at another version with PUT, or DELETE the adapter.");
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        await database.LockAdapterAsync(adapter.Id, cancellationToken);
        if (await database.Aliases.Where(row => row.AdapterId == adapter.Id && row.Name == alias).ExecuteDeleteAsync(cancellationToken) == 0)
            return Problem.NotFound($"The alias '{alias}' of '{adapter.Name}'", $"GET /adapters/{adapter.Id}/aliases lists what there is.");
        await EndAsync(caller, adapter, "adapter.alias.delete", time.GetUtcNow(), transaction, cancellationToken);
        return null;
    }

    /// <summary>
    /// Goes back (or over, versions are a tree) to a version: it becomes live and the head, so the next task starts from its state and counts on from its tasks.
    /// Nothing is deleted. A task that runs meanwhile begins again from the new head.
    /// </summary>
    public async Task<Problem?> RollBackAsync(Caller caller, Adapter adapter, int number, CancellationToken cancellationToken)
    {
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        await database.LockAdapterAsync(adapter.Id, cancellationToken);
        if (await FindAsync(adapter, number, cancellationToken) is not { } version) return NoVersion(adapter, number);
        if (version.Refused) return KeptBack(adapter, number);
        var now = time.GetUtcNow();
        await database.MakeHeadAsync(version, caller.KeyId, now, cancellationToken);
        // The same moment in both rows: the lineage tells a rollback from another move of live by it.
        await EndAsync(caller, adapter, RolledBack, now, transaction, cancellationToken);
        (adapter.HeadVersion, adapter.TaskCount) = (number, version.TaskIndex);
        return null;
    }

    private Task<AdapterVersion?> FindAsync(Adapter adapter, int number, CancellationToken cancellationToken) =>
        database.Versions.AsNoTracking().FirstOrDefaultAsync(row => row.AdapterId == adapter.Id && row.Number == number, cancellationToken);

    private static Problem NoVersion(Adapter adapter, int number) => Problem.NotFound($"Version {number} of '{adapter.Name}'", $"GET /adapters/{adapter.Id}/versions lists what there is.");

    private static Problem KeptBack(Adapter adapter, int number) => new(
        ProblemTypes.WrongState, $"The gate refused version {number}. GET /adapters/{adapter.Id}/versions/{number} says why; POST .../override with a reason makes it head and live all the same. Other aliases may name it.");

    private async Task EndAsync(Caller caller, Adapter adapter, string action, DateTimeOffset now, Microsoft.EntityFrameworkCore.Storage.IDbContextTransaction transaction, CancellationToken cancellationToken)
    {
        database.Record(caller, action, adapter.Id, now);
        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }
}
