using ContinualService.Api.Swagger;
using ContinualService.Api.Tenants;

namespace ContinualService.Api.Versions;

/// <summary>Routes that say what a version is made of, and how two differ.</summary>
internal static class VersionEndpoints
{
    public static IServiceCollection AddVersions(this IServiceCollection services) => services.AddScoped<VersionDiff>().AddScoped<VersionManifest>();

    public static void MapVersions(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/adapters/{id}/versions/{number:int}").WithTags("Adapters").RequireAuthorization();
        group.MapGet("/manifest", ManifestAsync).WithName("GetVersionManifest").Produces<ManifestResponse>();
        group.MapGet("/diff/{other:int}", DiffAsync).WithName("DiffVersions").Produces<DiffResponse>().WithMetadata(DocumentedStatus.Conflict);
    }

    /// <summary>Shows all that decides a version's numbers: digests of base, rows and states, order, seeds, options, and what computed each version on the way.</summary>
    private static async Task<IResult> ManifestAsync(string id, int number, HttpContext http, VersionManifest manifest, CancellationToken cancellationToken) =>
        (await manifest.ReadAsync(http.User.Tenant(), id, number, cancellationToken)).Failed(out var problem, out var found) ? problem : TypedResults.Ok(found);

    /// <summary>Shows how two versions differ: norms and principal angles of each layer, and the score of each task with its difference.</summary>
    private static async Task<IResult> DiffAsync(string id, int number, int other, HttpContext http, VersionDiff diff, CancellationToken cancellationToken) =>
        (await diff.RunAsync(http.User.Tenant(), id, number, other, cancellationToken)).Failed(out var problem, out var found) ? problem : TypedResults.Ok(found);
}
