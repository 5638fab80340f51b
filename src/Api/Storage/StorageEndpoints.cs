using ContinualService.Api.Tenants;
using ContinualService.Worker.Upkeep;

namespace ContinualService.Api.Storage;

/// <summary>The route of an adapter's storage.</summary>
internal static class StorageEndpoints
{
    public static IServiceCollection AddStorageReport(this IServiceCollection services)
    {
        // Rows are deleted by the workers; here their settings only say what is due.
        services.AddOptions<RetentionOptions>().BindConfiguration(RetentionOptions.Section);
        return services.AddScoped<StorageReader>();
    }

    public static void MapStorage(this IEndpointRouteBuilder routes) =>
        routes.MapGroup("/adapters/{id}/storage").WithTags("Adapters").RequireAuthorization().MapGet("", GetAsync).WithName("GetStorage").Produces<StorageResponse>();

    /// <summary>What an adapter has stored, version by version and task by task, and whether a version costs the same after any number of tasks.</summary>
    private static async Task<IResult> GetAsync(string id, HttpContext http, StorageReader reader, CancellationToken cancellationToken) =>
        (await reader.ReadAsync(http.User.Tenant(), id, cancellationToken)).Failed(out var problem, out var storage) ? problem : TypedResults.Ok(storage);
}
