using Hangfire;

namespace ContinualService.Infrastructure.Queue;

/// <summary>What a message in the queue asks a worker for; the one who enqueues may run elsewhere.</summary>
public interface ITrainingJob
{
    /// <summary>Runs one task: the one that fairness between tenants puts first, which need not be <paramref name="taskId"/>, for whose sake the message was sent.</summary>
    // The service counts attempts in the task's row; a retry by the queue would run beside that count.
    [AutomaticRetry(Attempts = 0)]
    Task RunAsync(string taskId);
}
