using System.Data.Common;

namespace ContinualService.Infrastructure.Queue;

/// <summary>Wakes a worker. The task's row is the truth and the message a hint: losing or repeating one does no harm.</summary>
public interface ITaskQueue
{
    /// <summary>Whether the queue lies in the service's database, so that <see cref="EnqueueWith"/> can be used.</summary>
    bool JoinsTransactions { get; }

    /// <summary>Sends the message at once; call after the row was committed.</summary>
    void Enqueue(string taskId);

    /// <summary>Sends the message as part of the ambient transaction that <paramref name="connection"/> is enlisted in: it is there when the row is, or neither is.</summary>
    void EnqueueWith(DbConnection connection, string taskId);

    /// <summary>Messages that nobody has taken yet.</summary>
    long CountWaiting();
}
