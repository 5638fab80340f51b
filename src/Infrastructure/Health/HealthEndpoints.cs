using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace ContinualService.Infrastructure.Health;

/// <summary>The routes for probes, the same in every process; none needs a key.</summary>
public static class HealthEndpoints
{
    private const string RetryAfterSeconds = "10";

    /// <summary>Maps /health/live and /health/ready.</summary>
    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        // Not among the metrics: what a probe is told must not count as an error of requests.
        var group = routes.MapGroup("/health").WithTags("Health").AllowAnonymous().DisableHttpMetrics();
        group.MapGet("/live", () => TypedResults.Ok(new LivenessReport("live"))).WithName("Live")
            .WithSummary("Whether the process runs.");
        group.MapGet("/ready", ReadyAsync).WithName("Ready")
            .WithSummary("Whether it can do its work: each thing that it needs, by name, with what to do where it is not there.")
            .Produces<ReadinessReport>()
            .Produces<ReadinessReport>(StatusCodes.Status503ServiceUnavailable);
    }

    private static async Task<IResult> ReadyAsync(Readiness readiness, HttpContext http)
    {
        var report = await readiness.CheckAsync();
        if (report.Status == ReadinessReport.Ready) return TypedResults.Ok(report);
        http.Response.Headers.RetryAfter = RetryAfterSeconds;
        return TypedResults.Json(report, statusCode: StatusCodes.Status503ServiceUnavailable);
    }
}
