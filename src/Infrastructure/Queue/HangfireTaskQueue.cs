using Hangfire;
using Hangfire.PostgreSql;

namespace ContinualService.Infrastructure.Queue;

/// <summary>Messages as Hangfire jobs.</summary>
public sealed class HangfireTaskQueue(IBackgroundJobClientV2 client, JobStorage storage) : ITaskQueue
{
    /// <summary>The one queue in use.</summary>
    public const string QueueName = "default";

    public bool JoinsTransactions { get; } = storage is PostgreSqlStorage;

    public void Enqueue(string taskId) => client.Enqueue<ITrainingJob>(job => job.RunAsync(taskId));

    public long CountWaiting() => storage.GetMonitoringApi().EnqueuedCount(QueueName);
}
