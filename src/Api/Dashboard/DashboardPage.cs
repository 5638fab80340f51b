namespace ContinualService.Api.Dashboard;

/// <summary>
/// The page at /, for whoever opens the service's address in a browser: what a tenant's adapters know, store and do. It needs no key; what it shows it asks of the API with the key
/// that its user types in. Its three files are part of the program, and nothing is loaded from elsewhere.
/// </summary>
internal static class DashboardPage
{
    // The browser shows nothing, runs nothing and asks nobody but what comes from here; pictures are made of the API's answers.
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    public static void MapDashboard(this IEndpointRouteBuilder routes)
    {
        routes.MapFile("/", "index.html", "text/html");
        routes.MapFile("/dashboard.css", "dashboard.css", "text/css");
        routes.MapFile("/dashboard.js", "dashboard.js", "text/javascript");
    }

    private static void MapFile(this IEndpointRouteBuilder routes, string path, string name, string type)
    {
        var bytes = Read(name);
        routes.MapGet(path, (HttpResponse response) =>
        {
            response.Headers.ContentSecurityPolicy = Policy;
            response.Headers.XContentTypeOptions = "nosniff";
            response.Headers["Referrer-Policy"] = "no-referrer";
            response.Headers.CacheControl = "no-cache"; // another build may have other files
            return TypedResults.Bytes(bytes, type + "; charset=utf-8");
        }).ExcludeFromDescription();
    }

    private static byte[] Read(string name)
    {
        using var stream = typeof(DashboardPage).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"The program lacks its file {name}.");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
