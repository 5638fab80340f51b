using System.Text.Json.Serialization;

namespace ContinualService.Api.OpenAi.Jobs;

/// <summary>How far a job is.</summary>
/// <param name="Percent">0 to 100 over all phases.</param>
/// <param name="StepsCompleted">Optimiser steps done.</param>
/// <param name="TotalSteps">Steps there will be.</param>
/// <param name="SecondsRemaining">Estimate from the measured rate; null until there is one.</param>
/// <param name="EstimateAvailable">Whether there is one.</param>
/// <param name="QueuePosition">An estimate of its place in the queue, 1 is next; null unless it is queued.</param>
public sealed record JobProgressResponse(
    [property: JsonPropertyName("percent")] double Percent,
    [property: JsonPropertyName("steps_completed")] int StepsCompleted,
    [property: JsonPropertyName("total_steps")] int TotalSteps,
    [property: JsonPropertyName("seconds_remaining")] double? SecondsRemaining,
    [property: JsonPropertyName("estimate_available")] bool EstimateAvailable,
    [property: JsonPropertyName("queue_position")] int? QueuePosition);
