using Microsoft.EntityFrameworkCore;

namespace ContinualService.Infrastructure.Database;

/// <summary>
/// Locks on single rows until the transaction ends, for what must not change between the look and the write. SQLite's transactions hold the one write lock
/// from their start, so there is nothing to do there. Order, so that no two wait for each other: tenant, adapter, task.
/// </summary>
public static class RowLocks
{
    /// <summary>Keeps other submissions, new adapters and deletions of the tenant out.</summary>
    public static Task LockTenantAsync(this ServiceDbContext database, string tenantId, CancellationToken cancellationToken) =>
        database.Database.IsNpgsql()
            ? database.Database.ExecuteSqlAsync($"""SELECT 1 FROM "Tenants" WHERE "Id" = {tenantId} FOR NO KEY UPDATE""", cancellationToken)
            : Task.CompletedTask;

    /// <summary>Keeps other takers of the lease and other publications of the adapter out.</summary>
    public static Task LockAdapterAsync(this ServiceDbContext database, string adapterId, CancellationToken cancellationToken) =>
        database.Database.IsNpgsql()
            ? database.Database.ExecuteSqlAsync($"""SELECT 1 FROM "Adapters" WHERE "Id" = {adapterId} FOR NO KEY UPDATE""", cancellationToken)
            : Task.CompletedTask;

    /// <summary>Keeps other changes of the task's state, and other appenders of its events, out.</summary>
    public static Task LockTaskAsync(this ServiceDbContext database, string taskId, CancellationToken cancellationToken) =>
        database.Database.IsNpgsql()
            ? database.Database.ExecuteSqlAsync($"""SELECT 1 FROM "Tasks" WHERE "Id" = {taskId} FOR NO KEY UPDATE""", cancellationToken)
            : Task.CompletedTask;
}
