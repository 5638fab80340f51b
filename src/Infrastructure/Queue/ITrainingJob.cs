using Hangfire;

namespace ContinualService.Infrastructure.Queue;

/// <summary>What a message in the queue asks a worker for; the one who enqueues may run elsewhere.</summary>
public interface ITrainingJob
{
    /// <summary>Runs the earliest queued task of the adapter that <paramref name="taskId"/> belongs to, if there is one.</summary>
    // The service counts attempts in the task's row; a retry by the queue would run beside that count.
    [AutomaticRetry(Attempts = 0)]
    Task RunAsync(string taskId, CancellationToken cancellationToken);
}
