using System.Diagnostics;

namespace ContinualService.Api.Requests;

/// <summary>Names each request by its trace, in the header that clients of the OpenAI API show with an error and that an operator looks for in logs and traces.</summary>
internal static class RequestIds
{
    public const string Header = "X-Request-Id";

    public static WebApplication UseRequestIds(this WebApplication app)
    {
        app.Use((http, next) =>
        {
            var id = http.RequestId();
            // At the last moment: what answers an exception begins with empty headers.
            http.Response.OnStarting(() =>
            {
                http.Response.Headers[Header] = id;
                return Task.CompletedTask;
            });
            return next(http);
        });
        return app;
    }

    /// <summary>The id of the trace that the request is part of.</summary>
    public static string RequestId(this HttpContext http) => Activity.Current?.TraceId.ToString() ?? http.TraceIdentifier;
}
