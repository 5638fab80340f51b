using System.Text.Json.Serialization;

namespace ContinualService.Api.OpenAi.Jobs;

/// <summary>What was measured of a job's version; null: not measured.</summary>
public sealed class JobMetricsResponse
{
    /// <summary>The last optimiser step.</summary>
    [JsonPropertyName("step")]
    public required int Step { get; init; }

    /// <summary>Mean cross-entropy of the last step's trained tokens, in nats.</summary>
    [JsonPropertyName("train_loss")]
    public required double? TrainLoss { get; init; }

    [JsonPropertyName("train_mean_token_accuracy")]
    public double? TrainMeanTokenAccuracy => null;

    [JsonPropertyName("valid_loss")]
    public double? ValidLoss => null;

    [JsonPropertyName("valid_mean_token_accuracy")]
    public double? ValidMeanTokenAccuracy => null;

    /// <summary>Loss over all held-out rows, where that is the task's metric.</summary>
    [JsonPropertyName("full_valid_loss")]
    public required double? FullValidLoss { get; init; }

    [JsonPropertyName("full_valid_mean_token_accuracy")]
    public double? FullValidMeanTokenAccuracy => null;

    /// <summary>How the held-out rows are scored: exact_match, label_likelihood, rouge_l or loss.</summary>
    [JsonPropertyName("x_metric")]
    public required string Metric { get; init; }

    /// <summary>Score over all held-out rows of this task.</summary>
    [JsonPropertyName("x_score")]
    public required double? Score { get; init; }

    /// <summary>Held-out rows scored.</summary>
    [JsonPropertyName("x_rows")]
    public required int? Rows { get; init; }

    /// <summary>Lower end of the score's 95 % confidence interval.</summary>
    [JsonPropertyName("x_low")]
    public required double? Low { get; init; }

    /// <summary>Upper end of the score's 95 % confidence interval.</summary>
    [JsonPropertyName("x_high")]
    public required double? High { get; init; }

    /// <summary>Over all tasks so far.</summary>
    [JsonPropertyName("x_average_accuracy")]
    public required double? AverageAccuracy { get; init; }

    [JsonPropertyName("x_backward_transfer")]
    public required double? BackwardTransfer { get; init; }

    [JsonPropertyName("x_forgetting")]
    public required double? Forgetting { get; init; }
}
