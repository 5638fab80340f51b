using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace ContinualService.Api.OpenAi.Jobs;

/// <summary>A task as the OpenAI interface shows it. Every field is there; null: not known, or not yet.</summary>
public sealed class JobResponse
{
    /// <summary>ftjob- and the number of the task.</summary>
    [JsonPropertyName("id")]
    public required string Id { get; init; }

    /// <summary>Always fine_tuning.job.</summary>
    [JsonPropertyName("object")]
    public string Object => "fine_tuning.job";

    /// <summary>Unix seconds.</summary>
    [JsonPropertyName("created_at")]
    public required long CreatedAt { get; init; }

    /// <summary>Unix seconds; null until it has ended.</summary>
    [JsonPropertyName("finished_at")]
    public required long? FinishedAt { get; init; }

    /// <summary>As the client named it; of a task of POST /tasks the adapter.</summary>
    [JsonPropertyName("model")]
    public required string Model { get; init; }

    /// <summary>ft:base:org:suffix:id, the version it published; null unless it succeeded, and where the adapter's gate refused it (the checkpoint has the name).</summary>
    [JsonPropertyName("fine_tuned_model")]
    public required string? FineTunedModel { get; init; }

    /// <summary>The tenant.</summary>
    [JsonPropertyName("organization_id")]
    public required string OrganizationId { get; init; }

    /// <summary>queued, running, paused, succeeded, failed or cancelled. Files are validated before the job is made, so that no job is at it.</summary>
    [JsonPropertyName("status")]
    public required string Status { get; init; }

    /// <summary>The file of its rows; null for a task of POST /tasks.</summary>
    [JsonPropertyName("training_file")]
    public required string? TrainingFile { get; init; }

    /// <summary>The file of its held-out rows; null where they were taken from the training rows.</summary>
    [JsonPropertyName("validation_file")]
    public required string? ValidationFile { get; init; }

    /// <summary>Always empty: events and checkpoints have the numbers.</summary>
    [JsonPropertyName("result_files")]
    public IReadOnlyList<string> ResultFiles => [];

    [JsonPropertyName("hyperparameters")]
    public required JobHyperparametersResponse Hyperparameters { get; init; }

    /// <summary>Null until it has succeeded.</summary>
    [JsonPropertyName("trained_tokens")]
    public required long? TrainedTokens { get; init; }

    [JsonPropertyName("error")]
    public required JobErrorResponse? Error { get; init; }

    /// <summary>Always empty.</summary>
    [JsonPropertyName("integrations")]
    public IReadOnlyList<string> Integrations => [];

    [JsonPropertyName("seed")]
    public required long Seed { get; init; }

    /// <summary>Unix seconds; null until it can be told.</summary>
    [JsonPropertyName("estimated_finish")]
    public required long? EstimatedFinish { get; init; }

    [JsonPropertyName("method")]
    public required JobMethodResponse Method { get; init; }

    /// <summary>The client's own texts; what is no text in a task of POST /tasks is shown as JSON.</summary>
    [JsonPropertyName("metadata")]
    public required IReadOnlyDictionary<string, string> Metadata { get; init; }

    /// <summary>What the client wished the adapter to be called; null: nothing.</summary>
    [JsonPropertyName("user_provided_suffix")]
    public required string? UserProvidedSuffix { get; init; }

    [JsonPropertyName("x_progress")]
    public required JobProgressResponse Progress { get; init; }

    /// <summary>Forgetting over the adapter's earlier tasks, as its version has it; null before there are any.</summary>
    [JsonPropertyName("x_forgetting")]
    public required double? Forgetting { get; init; }

    /// <summary>What the adapter's gate found: verdict, accepted, lambda and the criteria with their intervals; null before that, and without a gate.</summary>
    [JsonPropertyName("x_gate")]
    public required JsonObject? Gate { get; init; }

    /// <summary>Name of the adapter that learns it.</summary>
    [JsonPropertyName("x_adapter")]
    public required string Adapter { get; init; }

    /// <summary>The same task at /tasks/{id}.</summary>
    [JsonPropertyName("x_task_id")]
    public required string TaskId { get; init; }
}
