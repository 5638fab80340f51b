using ContinualService.Api.Adapters;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Tasks;

/// <summary>Shows tasks, with what stands beside their rows: places in the queue, and what gates found of their versions.</summary>
internal sealed class TaskReader(ServiceDbContext database, QueuePlaces queue)
{
    public async Task<TaskResponse> ShowAsync(LearningTask task, CancellationToken cancellationToken) => (await ShowAsync([task], cancellationToken))[task.Id];

    /// <summary>By id, with a fixed number of queries.</summary>
    public async Task<IReadOnlyDictionary<string, TaskResponse>> ShowAsync(IReadOnlyList<LearningTask> tasks, CancellationToken cancellationToken)
    {
        var places = await queue.OfAsync(tasks, cancellationToken);
        var made = tasks.Where(task => task.VersionNumber is not null).Select(task => task.Id).ToList();
        var gates = made.Count == 0 ? [] : await database.Versions.Where(row => row.TaskId != null && made.Contains(row.TaskId) && row.MergePreviewId == null && row.GateJson != null)
            .ToDictionaryAsync(row => row.TaskId!, row => row.GateJson, cancellationToken);
        return tasks.ToDictionary(task => task.Id, task => TaskResponse.Of(task, places.TryGetValue(task.Id, out var place) ? place : null, GateView.Brief(gates.GetValueOrDefault(task.Id))));
    }
}
