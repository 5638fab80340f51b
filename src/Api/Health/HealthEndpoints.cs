using ContinualService.Api.Errors;
using ContinualService.Infrastructure.Database;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Health;

/// <summary>Routes for probes, and the start page; none needs a key.</summary>
internal static class HealthEndpoints
{
    private const string StartPage =
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>ContinualService</title>
        <style>
        body { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: #16262e; max-width: 40rem; margin: 12vh auto; padding: 0 1.5rem; }
        h1 { font-size: 1.6rem; margin-bottom: .3rem; }
        a { color: #08516c; }
        li { margin: .4rem 0; }
        code { background: #ecf4f7; padding: .1rem .3rem; border-radius: 3px; }
        </style>
        </head>
        <body>
        <h1>ContinualService</h1>
        <p>Training as a service for models that must keep learning: send one task after another, and one adapter learns them all.</p>
        <ul>
        <li><a href="/swagger">Swagger UI</a>: every route, with examples to try</li>
        <li><a href="/health/ready">Readiness</a> and <a href="/health/live">liveness</a></li>
        </ul>
        <p>The first API key is in <code>bootstrap-key.txt</code> in the service's data folder.</p>
        </body>
        </html>
        """;

    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/", () => TypedResults.Text(StartPage, "text/html; charset=utf-8")).ExcludeFromDescription();
        var group = routes.MapGroup("/health").WithTags("Health").AllowAnonymous();
        group.MapGet("/live", Live).WithName("Live").Produces<HealthResponse>();
        group.MapGet("/ready", ReadyAsync).WithName("Ready").Produces<HealthResponse>()
            .Produces<ProblemBody>(StatusCodes.Status503ServiceUnavailable, "application/problem+json");
    }

    /// <summary>Whether the process runs.</summary>
    private static Ok<HealthResponse> Live() => TypedResults.Ok(new HealthResponse("live"));

    /// <summary>Whether requests can be served: the database answers.</summary>
    private static async Task<IResult> ReadyAsync(ServiceDbContext database, CancellationToken cancellationToken)
    {
        if (await database.Database.CanConnectAsync(cancellationToken)) return TypedResults.Ok(new HealthResponse("ready"));
        return new Problem(ProblemTypes.Unavailable, "The database does not answer. Try again in some seconds.");
    }
}
