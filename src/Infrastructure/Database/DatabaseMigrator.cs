using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;

namespace ContinualService.Infrastructure.Database;

/// <summary>Brings the database file to this program's model before anything reads it.</summary>
public sealed class DatabaseMigrator(IDbContextFactory<ServiceDbContext> contexts, DataFolder folder) : IHostedLifecycleService
{
    /// <summary>Applies what is missing; processes that start together take turns.</summary>
    public async Task MigrateAsync(CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder.Root);
        await using var turn = await FileLock.TakeAsync(folder.Database + ".migrate.lock", cancellationToken);
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        // WAL lets readers go on while a writer commits; the file remembers the mode.
        await database.Database.ExecuteSqlRawAsync("PRAGMA journal_mode = WAL;", cancellationToken);
        await database.Database.MigrateAsync(cancellationToken);
    }

    // StartingAsync comes before every hosted service's StartAsync: the first request and the sweep find the tables there.
    public Task StartingAsync(CancellationToken cancellationToken) => MigrateAsync(cancellationToken);

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
