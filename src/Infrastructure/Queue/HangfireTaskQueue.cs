using Hangfire;

namespace ContinualService.Infrastructure.Queue;

/// <summary>Messages as Hangfire jobs.</summary>
public sealed class HangfireTaskQueue(IBackgroundJobClientV2 client) : ITaskQueue
{
    // The token is Hangfire's own at run time; what is written here is replaced.
    public void Enqueue(string taskId) => client.Enqueue<ITrainingJob>(job => job.RunAsync(taskId, CancellationToken.None));
}
