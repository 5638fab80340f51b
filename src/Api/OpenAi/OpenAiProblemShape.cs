using ContinualService.Api.Errors;
using ContinualService.Api.Requests;

namespace ContinualService.Api.OpenAi;

/// <summary>Errors that arise outside the routes' own code (no such route, a wrong key, a body over the limit, a bug) in the OpenAI envelope.</summary>
internal sealed class OpenAiProblemShape : IProblemShape
{
    public bool Covers(PathString path) => path.StartsWithSegments(OpenAiRoutes.Prefix);

    public Task WriteAsync(HttpContext http, Problem problem)
    {
        http.Response.StatusCode = problem.Type.Status;
        var param = problem.Errors is [{ Line: null } first, ..] ? first.Field : null;
        var envelope = OpenAiErrors.Envelope(problem.Type.Status, problem.Detail, param, problem.Type.Code, problem.Errors);
        // What the text calls the traceId.
        envelope["error"]!["x_trace_id"] = http.RequestId();
        return http.Response.WriteAsJsonAsync(envelope, http.RequestAborted);
    }
}
