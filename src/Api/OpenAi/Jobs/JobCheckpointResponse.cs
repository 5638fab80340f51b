using System.Text.Json.Serialization;

namespace ContinualService.Api.OpenAi.Jobs;

/// <summary>A version that a job published.</summary>
public sealed class JobCheckpointResponse
{
    /// <summary>ftckpt-...</summary>
    [JsonPropertyName("id")]
    public required string Id { get; init; }

    /// <summary>Always fine_tuning.job.checkpoint.</summary>
    [JsonPropertyName("object")]
    public string Object => "fine_tuning.job.checkpoint";

    /// <summary>Unix seconds.</summary>
    [JsonPropertyName("created_at")]
    public required long CreatedAt { get; init; }

    /// <summary>The model's name, as the job's fine_tuned_model.</summary>
    [JsonPropertyName("fine_tuned_model_checkpoint")]
    public required string FineTunedModelCheckpoint { get; init; }

    [JsonPropertyName("step_number")]
    public required int StepNumber { get; init; }

    [JsonPropertyName("metrics")]
    public required JobMetricsResponse Metrics { get; init; }

    [JsonPropertyName("fine_tuning_job_id")]
    public required string FineTuningJobId { get; init; }
}
