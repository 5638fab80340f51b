using System.Data.Common;
using Hangfire;
using Hangfire.PostgreSql;
using Hangfire.PostgreSql.Factories;
using Npgsql;

namespace ContinualService.Infrastructure.Queue;

/// <summary>Messages as Hangfire jobs.</summary>
/// <param name="client">Of the host's own storage.</param>
/// <param name="storage">The host's own.</param>
/// <param name="shared">How messages are kept in the service's database; null where they are kept in memory.</param>
public sealed class HangfireTaskQueue(IBackgroundJobClientV2 client, JobStorage storage, PostgreSqlStorageOptions? shared = null) : ITaskQueue
{
    /// <summary>The one queue in use.</summary>
    public const string QueueName = "default";

    public bool JoinsTransactions => shared is not null;

    public void Enqueue(string taskId) => Send(client, taskId);

    public void EnqueueWith(DbConnection connection, string taskId)
    {
        // On the very connection of the rows: a second one would make it a transaction in two phases, which PostgreSQL refuses unless it is told to prepare them.
        var joined = new PostgreSqlStorage(new ExistingNpgsqlConnectionFactory((NpgsqlConnection)connection, shared), shared);
        Send(new BackgroundJobClient(joined), taskId);
    }

    public long CountWaiting() => storage.GetMonitoringApi().EnqueuedCount(QueueName);

    private static void Send(IBackgroundJobClient client, string taskId) => client.Enqueue<ITrainingJob>(job => job.RunAsync(taskId));
}
