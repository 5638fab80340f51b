using ContinualService.Api.Adapters;
using ContinualService.Api.Errors;
using ContinualService.Api.Requests;
using ContinualService.Api.Swagger;
using ContinualService.Api.Tasks;
using ContinualService.Api.Tenants;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Replays;

/// <summary>Routes of replays.</summary>
internal static class ReplayEndpoints
{
    private const string Example = """{"version": 3, "tolerance": 0.01}""";

    public static IServiceCollection AddReplays(this IServiceCollection services) => services.AddScoped<LineageRows>().AddScoped<ReplayReader>().AddScoped<CreateReplay>();

    public static void MapReplays(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/adapters/{id}").WithTags("Replays").RequireAuthorization();
        group.MapPost("/replay", CreateAsync).WithName("CreateReplay").Accepts<CreateReplayRequest>("application/json")
            .Produces<ReplayResponse>(StatusCodes.Status202Accepted).WithMetadata(new DocumentedBody(Example), DocumentedStatus.Conflict);
        group.MapGet("/replays", ListAsync).WithName("ListReplays").Produces<Page<ReplayResponse>>().WithMetadata(DocumentedParameter.Paging);
        group.MapGet("/replays/{replayId}", GetAsync).WithName("GetReplay").Produces<ReplayResponse>();
        group.MapDelete("/replays/{replayId}", CancelAsync).WithName("CancelReplay").Produces<ReplayResponse>(StatusCodes.Status202Accepted).WithMetadata(DocumentedStatus.Conflict);
    }

    /// <summary>Asks whether a version can be made again: a worker trains its lineage from the stored rows and compares every version, to the bit. Nothing is published.</summary>
    private static async Task<IResult> CreateAsync(string id, HttpRequest request, ServiceDbContext database, CreateReplay create, ReplayReader reader, CancellationToken cancellationToken)
    {
        var caller = Caller.Of(request.HttpContext.User);
        if ((await RequestBody.ReadAsync(request, form: null, cancellationToken)).Failed(out var unreadable, out var body)) return unreadable;
        if ((await database.FindAdapterAsync(caller.TenantId, id, cancellationToken)).Failed(out var unknown, out var adapter)) return unknown;
        if ((await create.RunAsync(caller, adapter, body.Fields, cancellationToken)).Failed(out var problem, out var replay)) return problem;
        return TypedResults.Accepted($"/adapters/{adapter.Id}/replays/{replay.Id}", await reader.ShowAsync(replay, cancellationToken));
    }

    /// <summary>Lists an adapter's replays, newest first.</summary>
    private static async Task<IResult> ListAsync(string id, HttpRequest request, ServiceDbContext database, ReplayReader reader, CancellationToken cancellationToken)
    {
        if (Paging.Read(request).Failed(out var badPage, out var paging)) return badPage;
        if ((await database.FindAdapterAsync(request.HttpContext.User.Tenant(), id, cancellationToken)).Failed(out var problem, out var adapter)) return problem;
        var query = database.Replays.AsNoTracking().Where(row => row.AdapterId == adapter.Id);
        if (paging.Cursor is { } cursor) query = query.Where(row => string.Compare(row.Id, cursor) < 0);
        var rows = await query.OrderByDescending(row => row.Id).Take(paging.Limit + 1).ToListAsync(cancellationToken);
        return TypedResults.Ok(paging.Cut(await reader.ShowAsync(adapter.Id, rows, cancellationToken), row => row.Id, row => row));
    }

    /// <summary>Shows a replay and what it has compared so far.</summary>
    private static async Task<IResult> GetAsync(string id, string replayId, HttpContext http, ServiceDbContext database, ReplayReader reader, CancellationToken cancellationToken)
    {
        if ((await database.FindAdapterAsync(http.User.Tenant(), id, cancellationToken)).Failed(out var unknown, out var adapter)) return unknown;
        if ((await reader.FindAsync(adapter, replayId, cancellationToken)).Failed(out var problem, out var replay)) return problem;
        return TypedResults.Ok(await reader.ShowAsync(replay, cancellationToken));
    }

    /// <summary>Cancels a replay: a queued one at once, a running one within seconds.</summary>
    private static async Task<IResult> CancelAsync(string id, string replayId, HttpContext http, ServiceDbContext database, ReplayReader reader, TaskControl control, CancellationToken cancellationToken)
    {
        if ((await database.FindAdapterAsync(http.User.Tenant(), id, cancellationToken)).Failed(out var unknown, out var adapter)) return unknown;
        if ((await reader.FindAsync(adapter, replayId, cancellationToken)).Failed(out var missing, out var replay)) return missing;
        if ((await control.CancelSideAsync(Caller.Of(http.User), replay.TaskId, LearningTaskKind.Replay, cancellationToken)).Failed(out var problem, out _))
            return new Problem(problem.Type, "The replay is over; there is nothing to cancel. It keeps nothing but what it found.");
        return TypedResults.Accepted($"/adapters/{adapter.Id}/replays/{replay.Id}", await reader.ShowAsync(replay, cancellationToken));
    }
}
