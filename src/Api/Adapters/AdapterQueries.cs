using ContinualService.Api.Errors;
using ContinualService.Domain.Adapters;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Adapters;

/// <summary>Finds adapters and versions inside one tenant.</summary>
internal static class AdapterQueries
{
    /// <summary>The tenant's adapters that are not deleted.</summary>
    public static IQueryable<Adapter> AdaptersOf(this ServiceDbContext database, string tenantId) =>
        database.Adapters.AsNoTracking().Where(row => row.TenantId == tenantId && row.DeletedAt == null);

    public static async Task<Outcome<Adapter>> FindAdapterAsync(
        this ServiceDbContext database, string tenantId, string idOrName, CancellationToken cancellationToken)
    {
        var adapter = await database.AdaptersOf(tenantId).FirstOrDefaultAsync(row => row.Id == idOrName || row.Name == idOrName, cancellationToken);
        if (adapter is not null) return adapter;
        return Problem.NotFound($"The adapter '{idOrName}'", "GET /adapters lists yours; POST /adapters makes one.");
    }

    public static async Task<Outcome<AdapterVersion>> FindVersionAsync(
        this ServiceDbContext database, string tenantId, string idOrName, int number, CancellationToken cancellationToken)
    {
        if ((await database.FindAdapterAsync(tenantId, idOrName, cancellationToken)).Failed(out var problem, out var adapter)) return problem;
        var version = await database.Versions.AsNoTracking()
            .FirstOrDefaultAsync(row => row.AdapterId == adapter.Id && row.Number == number, cancellationToken);
        if (version is not null) return version;
        return Problem.NotFound($"Version {number} of '{adapter.Name}'", $"GET /adapters/{adapter.Id}/versions lists what there is.");
    }
}
