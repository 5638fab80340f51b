using ContinualService.Domain.Upkeep;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Worker.Upkeep;

/// <summary>Lets one worker at a time do what all of them need, and no more often than is due.</summary>
internal sealed class UpkeepTurn(IDbContextFactory<ServiceDbContext> contexts, TimeProvider time)
{
    // Any number that nobody else takes as the first of two keys in this database.
    private const int LockClass = 0x436F6E74;

    /// <summary>Does the work unless another does it now or did it within the interval; tells whether it was done. Work that throws stays due.</summary>
    public async Task<bool> TryAsync(string name, TimeSpan interval, Func<CancellationToken, Task> work, CancellationToken cancellationToken)
    {
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        // The lock goes with its transaction, also when this process dies. A file of SQLite's has one worker.
        await using var transaction = database.Database.IsNpgsql() ? await database.Database.BeginTransactionAsync(cancellationToken) : null;
        if (transaction is not null && !await IsMineAsync(database, name, cancellationToken)) return false;
        var record = await database.Upkeep.SingleOrDefaultAsync(row => row.Name == name, cancellationToken);
        if (record?.DoneAt > time.GetUtcNow() - interval) return false;
        await work(cancellationToken);
        if (record is null) database.Upkeep.Add(record = new UpkeepRecord { Name = name });
        record.DoneAt = time.GetUtcNow();
        await database.SaveChangesAsync(cancellationToken);
        if (transaction is not null) await transaction.CommitAsync(cancellationToken);
        return true;
    }

    private static Task<bool> IsMineAsync(ServiceDbContext database, string name, CancellationToken cancellationToken) =>
        database.Database.SqlQuery<bool>($"""SELECT pg_try_advisory_xact_lock({LockClass}, hashtext({name})) AS "Value" """).SingleAsync(cancellationToken);
}
