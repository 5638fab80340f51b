using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Api.Errors;

namespace ContinualService.Api.OpenAi;

/// <summary>The error envelope of the /v1 routes: {"error": {"message", "type", "param", "code"}} with the right HTTP status.</summary>
internal static class OpenAiErrors
{
    private const int ListedErrors = 100;

    /// <summary>Turns an <see cref="OpenAiException"/> of a /v1 route into its envelope.</summary>
    public static async ValueTask<object?> Filter(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        try
        {
            return await next(context);
        }
        catch (OpenAiException error)
        {
            if (error.RetryAfterSeconds is { } seconds)
                context.HttpContext.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
            return Results.Json(Envelope(error.Status, error.Message, error.Param, error.Code, error.Errors), statusCode: error.Status);
        }
    }

    /// <param name="status">Of the answer.</param>
    /// <param name="message">What happened and what to do next.</param>
    /// <param name="param">The option it is about; null: none.</param>
    /// <param name="code">Stable, for programs.</param>
    /// <param name="errors">Each of several faults, such as the rows of a file; null: there is only the message.</param>
    public static JsonObject Envelope(int status, string message, string? param, string? code, IReadOnlyList<FieldError>? errors = null)
    {
        var envelope = new JsonObject
        {
            ["message"] = message,
            ["type"] = status switch
            {
                StatusCodes.Status401Unauthorized => "authentication_error",
                StatusCodes.Status429TooManyRequests => "rate_limit_error",
                >= 500 => "server_error",
                _ => "invalid_request_error",
            },
            ["param"] = param,
            ["code"] = code,
        };
        if (errors is not null) envelope["x_errors"] = JsonSerializer.SerializeToNode(errors.Take(ListedErrors), JsonSerializerOptions.Web);
        return new JsonObject { ["error"] = envelope };
    }
}
