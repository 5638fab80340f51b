using ContinualService.Api.Adapters;
using ContinualService.Api.Errors;
using ContinualService.Api.Requests;
using ContinualService.Api.Swagger;
using ContinualService.Api.Tasks;
using ContinualService.Api.Tenants;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Unlearnings;

/// <summary>Routes of unlearnings.</summary>
internal static class UnlearningEndpoints
{
    private const string Example = """{"task": 2, "mode": "exact"}""";

    public static IServiceCollection AddUnlearnings(this IServiceCollection services) => services.AddScoped<UnlearningReader>().AddScoped<CreateUnlearning>();

    public static void MapUnlearnings(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/adapters/{id}").WithTags("Unlearnings").RequireAuthorization();
        group.MapPost("/unlearn", CreateAsync).WithName("UnlearnTask").Accepts<UnlearnRequest>("application/json")
            .Produces<UnlearningResponse>(StatusCodes.Status202Accepted).WithMetadata(new DocumentedBody(Example), DocumentedStatus.Conflict);
        group.MapGet("/unlearnings", ListAsync).WithName("ListUnlearnings").Produces<Page<UnlearningResponse>>().WithMetadata(DocumentedParameter.Paging);
        group.MapGet("/unlearnings/{unlearningId}", GetAsync).WithName("GetUnlearning").Produces<UnlearningResponse>();
        group.MapDelete("/unlearnings/{unlearningId}", CancelAsync).WithName("CancelUnlearning").Produces<UnlearningResponse>(StatusCodes.Status202Accepted).WithMetadata(DocumentedStatus.Conflict);
    }

    /// <summary>Takes a task out of the adapter: a worker makes the versions after it again without it and publishes them beside the old ones, which stay and are named in the answer.</summary>
    private static async Task<IResult> CreateAsync(string id, HttpRequest request, ServiceDbContext database, CreateUnlearning create, UnlearningReader reader, CancellationToken cancellationToken)
    {
        var caller = Caller.Of(request.HttpContext.User);
        if ((await RequestBody.ReadAsync(request, form: null, cancellationToken)).Failed(out var unreadable, out var body)) return unreadable;
        if ((await database.FindAdapterAsync(caller.TenantId, id, cancellationToken)).Failed(out var unknown, out var adapter)) return unknown;
        if ((await create.RunAsync(caller, adapter, body.Fields, cancellationToken)).Failed(out var problem, out var unlearning)) return problem;
        return TypedResults.Accepted($"/adapters/{adapter.Id}/unlearnings/{unlearning.Id}", await reader.ShowAsync(unlearning, cancellationToken));
    }

    /// <summary>Lists an adapter's unlearnings, newest first.</summary>
    private static async Task<IResult> ListAsync(string id, HttpRequest request, ServiceDbContext database, UnlearningReader reader, CancellationToken cancellationToken)
    {
        if (Paging.Read(request).Failed(out var badPage, out var paging)) return badPage;
        if ((await database.FindAdapterAsync(request.HttpContext.User.Tenant(), id, cancellationToken)).Failed(out var problem, out var adapter)) return problem;
        var query = database.Unlearnings.AsNoTracking().Where(row => row.AdapterId == adapter.Id);
        if (paging.Cursor is { } cursor) query = query.Where(row => string.Compare(row.Id, cursor) < 0);
        var rows = await query.OrderByDescending(row => row.Id).Take(paging.Limit + 1).ToListAsync(cancellationToken);
        return TypedResults.Ok(paging.Cut(await reader.ShowAsync(adapter.Id, rows, cancellationToken), row => row.Id, row => row));
    }

    /// <summary>Shows an unlearning and, once it is done, the versions that it made.</summary>
    private static async Task<IResult> GetAsync(string id, string unlearningId, HttpContext http, ServiceDbContext database, UnlearningReader reader, CancellationToken cancellationToken)
    {
        if ((await database.FindAdapterAsync(http.User.Tenant(), id, cancellationToken)).Failed(out var unknown, out var adapter)) return unknown;
        if ((await reader.FindAsync(adapter, unlearningId, cancellationToken)).Failed(out var problem, out var unlearning)) return problem;
        return TypedResults.Ok(await reader.ShowAsync(unlearning, cancellationToken));
    }

    /// <summary>Cancels an unlearning: a queued one at once, a running one within seconds.</summary>
    private static async Task<IResult> CancelAsync(string id, string unlearningId, HttpContext http, ServiceDbContext database, UnlearningReader reader, TaskControl control, CancellationToken cancellationToken)
    {
        if ((await database.FindAdapterAsync(http.User.Tenant(), id, cancellationToken)).Failed(out var unknown, out var adapter)) return unknown;
        if ((await reader.FindAsync(adapter, unlearningId, cancellationToken)).Failed(out var missing, out var unlearning)) return missing;
        if ((await control.CancelSideAsync(Caller.Of(http.User), unlearning.TaskId, LearningTaskKind.Unlearning, cancellationToken)).Failed(out var problem, out _))
            return new Problem(problem.Type, "The unlearning is over; there is nothing to cancel. The versions that it published are versions like any other: POST rollback goes back to another.");
        return TypedResults.Accepted($"/adapters/{adapter.Id}/unlearnings/{unlearning.Id}", await reader.ShowAsync(unlearning, cancellationToken));
    }
}
