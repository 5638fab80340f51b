using System.Text.Json.Serialization;
using ContinualService.Api.Errors;

namespace ContinualService.Api.OpenAi;

/// <summary>What Swagger shows of every answer of the /v1 routes that is not a success; <see cref="OpenAiErrors"/> writes it.</summary>
/// <param name="Error">What went wrong.</param>
internal sealed record OpenAiErrorBody([property: JsonPropertyName("error")] OpenAiErrorBody.Fault Error)
{
    /// <param name="Message">What happened and what to do next.</param>
    /// <param name="Type" example="invalid_request_error">invalid_request_error, authentication_error, rate_limit_error or server_error.</param>
    /// <param name="Param" example="model">The option it is about; null: none.</param>
    /// <param name="Code" example="model_not_found">Stable, for programs.</param>
    /// <param name="Errors">Each of several faults, such as the rows of a file; not there where the message says all.</param>
    /// <param name="TraceId">Finds this request in the service's logs; not there where the message says all.</param>
    internal sealed record Fault(
        [property: JsonPropertyName("message")] string Message,
        [property: JsonPropertyName("type")] string Type,
        [property: JsonPropertyName("param")] string? Param,
        [property: JsonPropertyName("code")] string? Code,
        [property: JsonPropertyName("x_errors")] IReadOnlyList<FieldError>? Errors,
        [property: JsonPropertyName("x_trace_id")] string? TraceId);
}
