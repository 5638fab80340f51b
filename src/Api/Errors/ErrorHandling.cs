using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Storage;
using Microsoft.AspNetCore.Diagnostics;

namespace ContinualService.Api.Errors;

/// <summary>The one place where exceptions and bare status codes become problem+json.</summary>
internal static partial class ErrorHandling
{
    public static IServiceCollection AddErrorHandling(this IServiceCollection services) =>
        services.AddProblemDetails().AddExceptionHandler<Handler>();

    public static WebApplication UseErrorHandling(this WebApplication app)
    {
        app.UseExceptionHandler();
        app.UseStatusCodePages(context => ForStatus(context.HttpContext).ExecuteAsync(context.HttpContext));
        return app;
    }

    private static Problem ForStatus(HttpContext http)
    {
        var type = ProblemTypes.For(http.Response.StatusCode);
        return new Problem(type, http.Response.StatusCode switch
        {
            404 => $"No route matches {http.Request.Path}. The routes are listed at /swagger.",
            405 => $"{http.Request.Path} does not take {http.Request.Method}. Allowed: {http.Response.Headers.Allow}.",
            415 => "Send application/json, or multipart/form-data for files.",
            _ => "See /swagger for what this route takes.",
        });
    }

    private sealed partial class Handler(ILogger<Handler> log) : IExceptionHandler
    {
        public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
        {
            await ForException(httpContext, exception).ExecuteAsync(httpContext);
            return true;
        }

        private Problem ForException(HttpContext http, Exception exception)
        {
            switch (exception)
            {
                case BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge }:
                    return Requests.BodyLimit.Problem(http);
                case BadHttpRequestException bad:
                    return new Problem(ProblemTypes.For(bad.StatusCode), $"{bad.Message} Send the request again in full.");
                case ObjectDamagedException damaged:
                    LogUnhandled(exception, http.Request.Method, http.Request.Path);
                    return new Problem(ProblemTypes.ObjectDamaged, $"{damaged.Message} That is the operator's to do: give them the traceId. Everything else is served as before.");
                case ObjectStoreUnavailableException:
                    LogUnhandled(exception, http.Request.Method, http.Request.Path);
                    return new Problem(ProblemTypes.Unavailable, "The object store cannot be reached. Send the request again after a moment; if it persists, give the traceId to the operator.");
                case var _ when DatabaseFault.IsTransient(exception):
                    LogUnhandled(exception, http.Request.Method, http.Request.Path);
                    return new Problem(
                        ProblemTypes.Unavailable,
                        "The database cannot be reached. Send the request again after a moment, a new task with an Idempotency-Key so that it is not made twice; if it persists, give the traceId to the operator.");
                case var _ when DatabaseFault.IsUnstorableText(exception):
                    return new Problem(ProblemTypes.MalformedBody, "A text of the request holds the character NUL (U+0000), which cannot be stored or looked for. Take it out and send the request again.");
                default:
                    LogUnhandled(exception, http.Request.Method, http.Request.Path);
                    return new Problem(ProblemTypes.Internal, "Nothing of this request was kept. Try again; if it persists, give the traceId to the operator.");
            }
        }

        [LoggerMessage(1000, LogLevel.Error, "{Method} {Path} failed")]
        private partial void LogUnhandled(Exception exception, string method, string path);
    }
}
