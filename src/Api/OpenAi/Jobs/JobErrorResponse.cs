using System.Text.Json.Serialization;

namespace ContinualService.Api.OpenAi.Jobs;

/// <summary>Why a job failed.</summary>
/// <param name="Code">Stable code, such as loss_diverged.</param>
/// <param name="Message">What happened and what to do.</param>
/// <param name="Param">The option at fault; null where it is none alone.</param>
public sealed record JobErrorResponse(
    [property: JsonPropertyName("code")] string Code, [property: JsonPropertyName("message")] string Message, [property: JsonPropertyName("param")] string? Param);
