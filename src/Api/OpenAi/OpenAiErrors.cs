using System.Text.Json.Nodes;

namespace ContinualService.Api.OpenAi;

/// <summary>The error envelope of the /v1 routes: {"error": {"message", "type", "param", "code"}} with the right HTTP status.</summary>
internal static class OpenAiErrors
{
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
            return Results.Json(Envelope(error.Status, error.Message, error.Param, error.Code), statusCode: error.Status);
        }
    }

    public static JsonObject Envelope(int status, string message, string? param, string? code) => new()
    {
        ["error"] = new JsonObject
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
        },
    };
}
