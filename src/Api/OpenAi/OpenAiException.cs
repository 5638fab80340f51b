using ContinualService.Api.Errors;
using ContinualService.Infrastructure.Storage;

namespace ContinualService.Api.OpenAi;

/// <summary>A request on a /v1 route that is answered with the OpenAI error envelope.</summary>
internal sealed class OpenAiException(int status, string message, string? param = null, string? code = null) : Exception(message)
{
    private const int SoonSeconds = 2;

    public int Status { get; } = status;
    public string? Param { get; } = param;
    public string? Code { get; } = code;

    /// <summary>Whole seconds for a Retry-After header; null sends none.</summary>
    public int? RetryAfterSeconds { get; init; }

    /// <summary>Each of several faults; null: there is only the message.</summary>
    public IReadOnlyList<FieldError>? Errors { get; init; }

    public static OpenAiException Missing(string param, string message) => new(StatusCodes.Status400BadRequest, message, param, "missing_required_parameter");

    public static OpenAiException Invalid(string param, string message) => new(StatusCodes.Status400BadRequest, message, param, "invalid_value");

    public static OpenAiException TenantFull()
    {
        const string message = "Too many requests of this tenant wait already. Send fewer at a time, or try again after a moment.";
        return new OpenAiException(StatusCodes.Status429TooManyRequests, message, code: "rate_limit_exceeded") { RetryAfterSeconds = SoonSeconds };
    }

    public static OpenAiException Overloaded(string message, string code = "overloaded") =>
        new(StatusCodes.Status503ServiceUnavailable, message, code: code) { RetryAfterSeconds = SoonSeconds };

    public static OpenAiException BadGateway(string message, string code) => new(StatusCodes.Status502BadGateway, message, code: code);

    public static OpenAiException Damaged(string name, ObjectDamagedException error) => new(
        StatusCodes.Status503ServiceUnavailable, $"The weights of '{name}' are damaged and are not served: {error.Message} Ask the operator to restore them.", "model", "model_damaged");

    public static OpenAiException NoModel(string name, string reason) =>
        new(StatusCodes.Status404NotFound, $"The model '{name}' does not exist or cannot be served: {reason}", "model", "model_not_found");
}
