namespace ContinualService.Infrastructure.Queue;

/// <summary>Wakes a worker. The task's row is the truth and the message a hint: losing or repeating one does no harm.</summary>
public interface ITaskQueue
{
    /// <summary>Call after the row was committed.</summary>
    void Enqueue(string taskId);
}
