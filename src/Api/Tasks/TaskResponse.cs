using System.Text.Json.Nodes;
using ContinualService.Domain;
using ContinualService.Domain.Tasks;

namespace ContinualService.Api.Tasks;

/// <summary>A task as clients see it.</summary>
public sealed class TaskResponse
{
    public required string Id { get; init; }

    /// <summary>Id of the adapter that learns it.</summary>
    public required string Adapter { get; init; }
    public required string Name { get; init; }

    /// <summary>queued, running, paused, succeeded, failed or cancelled.</summary>
    public required string Status { get; init; }

    /// <summary>preparing, training, merging, evaluating or publishing while it runs; else null.</summary>
    public required string? Phase { get; init; }
    public required TaskProgress Progress { get; init; }

    /// <summary>Among your own tasks the higher goes first.</summary>
    public required int Priority { get; init; }

    /// <summary>Runs started so far.</summary>
    public required int Attempt { get; init; }

    /// <summary>The version it published; null unless it succeeded.</summary>
    public required int? Version { get; init; }
    public required TaskFailure? Failure { get; init; }

    /// <summary>What the adapter's gate found of that version: verdict, accepted, lambda and the criteria with their intervals; null: it had no gate. Refused, the version is there and does not answer.</summary>
    public required JsonObject? Gate { get; init; }

    /// <summary>How its held-out rows are scored.</summary>
    public required string Metric { get; init; }
    public required string DatasetId { get; init; }
    public required string? EvaluationDatasetId { get; init; }
    public required JsonObject Hyperparameters { get; init; }
    public required JsonObject Metadata { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public required DateTimeOffset? StartedAt { get; init; }
    public required DateTimeOffset? FinishedAt { get; init; }

    internal static TaskResponse Of(LearningTask task, int? queuePosition, JsonObject? gate) => new()
    {
        Id = task.Id,
        Adapter = task.AdapterId,
        Name = task.Name,
        Status = WireName.Of(task.Status),
        Phase = task.Phase is { } phase ? WireName.Of(phase) : null,
        Progress = new TaskProgress(task.Percent, task.Step, task.TotalSteps, task.SecondsRemaining, queuePosition),
        Priority = task.Priority,
        Attempt = task.Attempt,
        Version = task.VersionNumber,
        Failure = task.FailureCode is { } code ? new TaskFailure(WireName.Of(code), task.FailureMessage ?? "", task.FailureIsUserError ?? false) : null,
        Gate = gate,
        Metric = task.Metric,
        DatasetId = task.TrainDatasetId,
        EvaluationDatasetId = task.EvaluationDatasetId,
        Hyperparameters = (JsonObject)JsonNode.Parse(task.HyperparametersJson)!,
        Metadata = (JsonObject)JsonNode.Parse(task.MetadataJson)!,
        CreatedAt = task.CreatedAt,
        StartedAt = task.StartedAt,
        FinishedAt = task.FinishedAt,
    };
}
