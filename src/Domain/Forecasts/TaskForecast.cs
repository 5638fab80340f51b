namespace ContinualService.Domain.Forecasts;

/// <summary>What can be said of tasks before they are learned; its state, progress and failure are those of its task.</summary>
public sealed class TaskForecast
{
    /// <summary>Above all that a client may ask for a task: who asks before training wants the answer before training.</summary>
    public const int Priority = 101;

    public required string Id { get; init; }

    public required string AdapterId { get; init; }

    /// <summary>The task of kind <see cref="Tasks.LearningTaskKind.Forecast"/> that measures it; the rows that were sent are its rows.</summary>
    public required string TaskId { get; init; }

    /// <summary>JSON array of the waiting tasks' ids that are compared, in the order they stand in; empty: the rows that were sent are measured.</summary>
    public string WaitingJson { get; init; } = "[]";

    /// <summary>A <see cref="ForecastResult"/> as JSON; null until all is measured.</summary>
    public string? ResultJson { get; set; }
}
