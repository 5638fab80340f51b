using System.Text.Json.Serialization;

namespace ContinualService.Api.OpenAi.Jobs;

/// <summary>Settings of supervised tuning.</summary>
/// <param name="Hyperparameters">As they are used.</param>
public sealed record JobSupervisedResponse([property: JsonPropertyName("hyperparameters")] JobHyperparametersResponse Hyperparameters);
