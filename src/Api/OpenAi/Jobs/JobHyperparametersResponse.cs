using System.Text.Json.Serialization;

namespace ContinualService.Api.OpenAi.Jobs;

/// <summary>The hyperparameters that a job uses.</summary>
/// <param name="Epochs">Passes over the rows.</param>
/// <param name="BatchSize">Rows per optimiser step.</param>
/// <param name="LearningRateMultiplier">Times the service's default rate.</param>
public sealed record JobHyperparametersResponse(
    [property: JsonPropertyName("n_epochs")] int Epochs,
    [property: JsonPropertyName("batch_size")] int BatchSize,
    [property: JsonPropertyName("learning_rate_multiplier")] double LearningRateMultiplier);
