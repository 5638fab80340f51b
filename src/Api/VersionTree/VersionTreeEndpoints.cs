using ContinualService.Api.Errors;
using ContinualService.Api.Requests;
using ContinualService.Api.Swagger;
using ContinualService.Api.Tenants;

namespace ContinualService.Api.VersionTree;

/// <summary>The route of an adapter's lineage.</summary>
internal static class VersionTreeEndpoints
{
    private static readonly string[] Formats = ["json", "svg", "mermaid"];

    public static IServiceCollection AddVersionTree(this IServiceCollection services) => services.AddScoped<LineageReader>();

    public static void MapVersionTree(this IEndpointRouteBuilder routes) =>
        routes.MapGroup("/adapters/{id}/lineage").WithTags("Adapters").RequireAuthorization().MapGet("", GetAsync).WithName("GetLineage").Produces<LineageResponse>()
            .WithMetadata(new DocumentedParameter("format", "json (default), svg or mermaid; Accept works too.", false, Formats));

    /// <summary>The versions of an adapter as a graph: what each was learned on top of, adopted from, and gone back to.</summary>
    private static async Task<IResult> GetAsync(string id, HttpRequest request, LineageReader reader, CancellationToken cancellationToken)
    {
        if ((await reader.ReadAsync(request.HttpContext.User.Tenant(), id, cancellationToken)).Failed(out var problem, out var lineage)) return problem;
        var format = AnswerFormat.Of(request, Formats);
        return format switch
        {
            "json" => TypedResults.Ok(lineage),
            "svg" => TypedResults.Text(LineageSvg.Draw(lineage), "image/svg+xml"),
            "mermaid" => TypedResults.Text(LineageMermaid.Write(lineage), "text/vnd.mermaid; charset=utf-8"),
            _ => new Problem(ProblemTypes.UnsupportedFormat, $"There is no lineage format '{format}'. Formats: {string.Join(", ", Formats)}."),
        };
    }
}
