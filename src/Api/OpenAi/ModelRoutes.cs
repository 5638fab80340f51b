using System.Text.Json.Nodes;
using ContinualService.Api.Adapters;
using ContinualService.Api.Serving;
using ContinualService.Api.Swagger;
using ContinualService.Api.Tenants;
using ContinualService.Domain.Adapters;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.OpenAi;

/// <summary>Routes of /v1/models: base models, and the tenant's adapters that have a live version.</summary>
internal static class ModelRoutes
{
    // Clients of one call and no paging expect all of them in the answer.
    private const int MostListed = 10_000;

    public static DocumentedParameter[] Documented { get; } = ListQuery.DocumentedByName(MostListed);

    public static async Task<IResult> ListAsync(HttpContext http, ServiceDbContext database, ModelCatalog catalog)
    {
        var page = ListQuery.ReadByName(http.Request, MostListed);
        var tenant = http.User.Tenant();
        var adapters = await database.AdaptersOf(tenant)
            .Where(row => database.Aliases.Any(alias => alias.AdapterId == row.Id && alias.Name == AdapterAlias.Live))
            .OrderBy(row => row.Id)
            .ToListAsync(http.RequestAborted);
        // Once per model and not per adapter: the catalog looks at the model's files each time.
        var contexts = adapters.Select(adapter => adapter.Model).Distinct().ToDictionary(name => name, name => ContextLength(name, catalog));
        var models = catalog.Models.Where(IsUsable).Select(Base).Concat(adapters.Select(adapter => Adapted(adapter.Name, adapter, contexts[adapter.Model]))).ToList();
        return Results.Json(page.CutAfter(models, model => (string)model["id"]!));
    }

    public static async Task<IResult> GetAsync(string id, HttpContext http, ServedModelResolver resolver, ModelCatalog catalog)
    {
        if (catalog.Find(id) is { } model && IsUsable(model)) return Results.Json(Base(model));
        var (adapter, _) = await resolver.FindServedAsync(http.User.Tenant(), id, http.RequestAborted);
        return Results.Json(Adapted(id, adapter, ContextLength(adapter.Model, catalog)));
    }

    /// <summary>
    /// Deletes an adapter. The name of one of its versions stands for the whole only where it is the last: whoever deletes the model of an early job does not
    /// mean what later jobs learned.
    /// </summary>
    public static async Task<IResult> DeleteAsync(string id, HttpContext http, ServiceDbContext database, ServedModelResolver resolver, DeleteAdapter delete, ModelCatalog catalog)
    {
        if (catalog.Find(id) is not null)
            throw new OpenAiException(StatusCodes.Status403Forbidden, $"'{id}' is a base model, and not yours to delete. Name an adapter.", "model", "base_model");
        var caller = Caller.Of(http.User);
        var adapter = await database.AdaptersOf(caller.TenantId).FirstOrDefaultAsync(row => row.Name == id || row.Id == id, http.RequestAborted);
        if (adapter is null)
        {
            (adapter, var version) = await resolver.FindAsync(caller.TenantId, id, http.RequestAborted);
            if (version.Number != adapter.HeadVersion)
            {
                throw new OpenAiException(
                    StatusCodes.Status409Conflict,
                    $"'{id}' is version {version.Number} of '{adapter.Name}', which has learned more since (version {adapter.HeadVersion}). Versions are not deleted alone; delete '{adapter.Name}' for all of it.",
                    "model", "wrong_state");
            }
        }

        return await delete.RunAsync(caller, adapter, http.RequestAborted) is { } refused ? refused : TypedResults.Ok(new DeletedResponse(id, "model"));
    }

    /// <summary>A folder that holds no model that can be computed is left out here; GET /models says why.</summary>
    private static bool IsUsable(CatalogModel model)
    {
        try
        {
            return model.Config.MaxPositions > 0;
        }
        catch (ModelFormatException) // told by GET /models
        {
            return false;
        }
    }

    private static int? ContextLength(string model, ModelCatalog catalog) => catalog.Find(model)?.Config.MaxPositions;

    private static JsonObject Base(CatalogModel model) => new()
    {
        ["id"] = model.Name,
        ["object"] = "model",
        ["created"] = new DateTimeOffset(File.GetLastWriteTimeUtc(Path.Combine(model.Folder, "config.json"))).ToUnixTimeSeconds(),
        ["owned_by"] = "continual-service",
        ["parent"] = null,
        ["root"] = model.Name,
        ["max_model_len"] = model.Config.MaxPositions,
    };

    private static JsonObject Adapted(string id, Adapter adapter, int? contextLength) => new()
    {
        ["id"] = id,
        ["object"] = "model",
        ["created"] = adapter.CreatedAt.ToUnixTimeSeconds(),
        ["owned_by"] = adapter.TenantId,
        ["parent"] = adapter.Model,
        ["root"] = adapter.Name,
        ["max_model_len"] = contextLength,
    };
}
