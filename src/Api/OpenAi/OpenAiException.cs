using ContinualService.Api.Errors;

namespace ContinualService.Api.OpenAi;

/// <summary>A request on a /v1 route that is answered with the OpenAI error envelope.</summary>
internal sealed class OpenAiException(int status, string message, string? param = null, string? code = null) : Exception(message)
{
    public int Status { get; } = status;
    public string? Param { get; } = param;
    public string? Code { get; } = code;

    /// <summary>Whole seconds for a Retry-After header; null sends none.</summary>
    public int? RetryAfterSeconds { get; init; }

    /// <summary>Each of several faults; null: there is only the message.</summary>
    public IReadOnlyList<FieldError>? Errors { get; init; }

    public static OpenAiException Missing(string param, string message) => new(StatusCodes.Status400BadRequest, message, param, "missing_required_parameter");

    public static OpenAiException Invalid(string param, string message) => new(StatusCodes.Status400BadRequest, message, param, "invalid_value");

    public static OpenAiException NoModel(string name, string reason) =>
        new(StatusCodes.Status404NotFound, $"The model '{name}' does not exist or cannot be served: {reason}", "model", "model_not_found");
}
