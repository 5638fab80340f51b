using System.Collections.Concurrent;

namespace ContinualService.Infrastructure.Queue;

/// <summary>Wakes readers in this process when a task has news; what the news is stands in the rows.</summary>
public sealed class EventHub
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _waiting = new();

    /// <summary>Call after the rows were committed.</summary>
    public void Publish(string taskId)
    {
        if (_waiting.TryRemove(taskId, out var waiting)) waiting.TrySetResult();
    }

    /// <summary>
    /// Completes at the next <see cref="Publish"/>. Take it before reading the rows, so that no news falls between; wait with a
    /// timeout as well, because another process may have written them.
    /// </summary>
    public Task Next(string taskId) =>
        _waiting.GetOrAdd(taskId, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
}
