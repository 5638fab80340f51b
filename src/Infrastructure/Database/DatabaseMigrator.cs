using System.Diagnostics;
using Hangfire.PostgreSql;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ContinualService.Infrastructure.Database;

/// <summary>
/// Brings the database, and with PostgreSQL the queue's tables in it, to this program's model before anything reads it. A server that does not answer is
/// waited for: after a power cut all start at once.
/// </summary>
public sealed partial class DatabaseMigrator(IDbContextFactory<ServiceDbContext> contexts, DataFolder folder, IOptions<DatabaseOptions> options, ILogger<DatabaseMigrator> logger) : IHostedLifecycleService
{
    /// <summary>Schema of the queue's tables.</summary>
    public const string QueueSchema = "hangfire";

    // Any number that nobody else takes in this database.
    private const long TurnKey = 0x436F6E74696E7565;

    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    /// <summary>Applies what is missing; processes that start together take turns.</summary>
    /// <exception cref="IOException">The server has not answered for Database:WaitSeconds.</exception>
    public Task MigrateAsync(CancellationToken cancellationToken) => PatientlyAsync(() => MigrateOnceAsync(cancellationToken), cancellationToken);

    // StartingAsync comes before every hosted service's StartAsync: the first request and the sweep find the tables there.
    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder.Root);
        if (options.Value.MigrateAtStart)
        {
            await MigrateAsync(cancellationToken);
            return;
        }

        await PatientlyAsync(() => RefusePendingAsync(cancellationToken), cancellationToken);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    // Everything here may be done twice.
    private async Task PatientlyAsync(Func<Task> work, CancellationToken cancellationToken)
    {
        var (began, patience) = (Stopwatch.GetTimestamp(), TimeSpan.FromSeconds(options.Value.WaitSeconds));
        for (var pause = TimeSpan.FromSeconds(0.5); ; pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, LongestPause.Ticks)))
        {
            try
            {
                await work();
                return;
            }
            catch (Exception fault) when (DatabaseFault.IsTransient(fault))
            {
                var waited = Stopwatch.GetElapsedTime(began);
                var said = fault.GetBaseException().Message;
                if (waited >= patience)
                    throw new IOException($"The database has not answered for {waited.TotalSeconds:F0} seconds: {said}. See that it runs, can be reached and lets this service in (Database:ConnectionString).", fault);
                LogWaiting(said, waited.TotalSeconds, patience.TotalSeconds);
            }

            await Task.Delay(pause, cancellationToken);
        }
    }

    private async Task MigrateOnceAsync(CancellationToken cancellationToken)
    {
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        if (database.Database.IsNpgsql()) await MigratePostgreSqlAsync(database, cancellationToken);
        else await MigrateSqliteAsync(database, cancellationToken);
    }

    private async Task RefusePendingAsync(CancellationToken cancellationToken)
    {
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        var pending = (await database.Database.GetPendingMigrationsAsync(cancellationToken)).ToList();
        if (pending.Count > 0)
        {
            throw new OptionsValidationException(
                DatabaseOptions.Section, typeof(DatabaseOptions), [$"The database lacks {pending.Count} migration(s), the first {pending[0]}, and Database:MigrateAtStart is false. Run `ContinualService.Api prepare` first."]);
        }
    }

    private async Task MigrateSqliteAsync(ServiceDbContext database, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder.Root);
        await using var turn = await FileLock.TakeAsync(folder.Database + ".migrate.lock", cancellationToken);
        // WAL lets readers go on while a writer commits; the file remembers the mode.
        await database.Database.ExecuteSqlRawAsync("PRAGMA journal_mode = WAL;", cancellationToken);
        await database.Database.MigrateAsync(cancellationToken);
    }

    private async Task MigratePostgreSqlAsync(ServiceDbContext database, CancellationToken cancellationToken)
    {
        // The lock lies on a connection of its own and goes with its transaction, also when this process dies.
        await using var turn = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await turn.Database.BeginTransactionAsync(cancellationToken);
        await turn.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock({TurnKey})", cancellationToken);
        await database.Database.MigrateAsync(cancellationToken);
        await database.Database.OpenConnectionAsync(cancellationToken);
        PostgreSqlObjectsInstaller.Install((Npgsql.NpgsqlConnection)database.Database.GetDbConnection(), QueueSchema);
        await transaction.CommitAsync(cancellationToken);
    }

    [LoggerMessage(3020, LogLevel.Warning, "The database does not answer ({Fault}); waited {Waited:F0} of {Patience:F0} seconds")]
    private partial void LogWaiting(string fault, double waited, double patience);
}
