namespace ContinualService.Api;

/// <summary>The page at /, for whoever opens the service's address in a browser; it needs no key.</summary>
internal static class StartPage
{
    private const string Html =
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

    public static void MapStartPage(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/", () => TypedResults.Text(Html, "text/html; charset=utf-8")).ExcludeFromDescription();
}
