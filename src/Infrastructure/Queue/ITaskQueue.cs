namespace ContinualService.Infrastructure.Queue;

/// <summary>Wakes a worker. The task's row is the truth and the message a hint: losing or repeating one does no harm.</summary>
public interface ITaskQueue
{
    /// <summary>Whether <see cref="Enqueue"/> takes part in an ambient transaction on the service's database.</summary>
    bool JoinsTransactions { get; }

    /// <summary>Where the queue does not join transactions, call after the row was committed.</summary>
    void Enqueue(string taskId);

    /// <summary>Messages that nobody has taken yet.</summary>
    long CountWaiting();
}
