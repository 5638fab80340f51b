namespace ContinualService.Domain.Tasks;

/// <summary>Something that happened to a task; the list is append-only and its numbers have no gaps. Long after the task's end only the last one is kept.</summary>
public sealed class TaskEvent
{
    public required string TaskId { get; init; }

    /// <summary>1, 2, ... per task.</summary>
    public int Number { get; init; }

    /// <summary>One of <see cref="TaskEventTypes"/>.</summary>
    public required string Type { get; init; }

    public string DataJson { get; init; } = "{}";

    public DateTimeOffset CreatedAt { get; init; }
}
