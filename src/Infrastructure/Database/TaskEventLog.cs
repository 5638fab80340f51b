using System.Text.Json;
using ContinualService.Domain.Tasks;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Infrastructure.Database;

/// <summary>Appends a task's events with consecutive numbers, and what webhooks are to be told of them.</summary>
public static class TaskEventLog
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    /// <summary>
    /// Adds the event to the context; the caller saves it. Call inside a transaction that has locked the database for writing
    /// (any transaction of this context on SQLite), or two writers could take the same number and one of them fail.
    /// </summary>
    public static async Task<TaskEvent> AppendEventAsync(
        this ServiceDbContext database, string taskId, string type, object? data, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var stored = await database.TaskEvents.Where(row => row.TaskId == taskId).MaxAsync(row => (int?)row.Number, cancellationToken);
        var pending = database.TaskEvents.Local.Where(row => row.TaskId == taskId).Max(row => (int?)row.Number);
        var appended = new TaskEvent
        {
            TaskId = taskId,
            Number = Math.Max(stored ?? 0, pending ?? 0) + 1,
            Type = type,
            DataJson = data is null ? "{}" : JsonSerializer.Serialize(data, Json),
            CreatedAt = now,
        };
        database.TaskEvents.Add(appended);
        await database.AddDeliveriesAsync(appended, cancellationToken);
        return appended;
    }
}
