using ContinualService.Api.Adapters;
using ContinualService.Api.Errors;
using ContinualService.Api.Requests;
using ContinualService.Api.Swagger;
using ContinualService.Api.Tasks;
using ContinualService.Api.Tenants;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Previews;

/// <summary>Routes of merge previews.</summary>
internal static class PreviewEndpoints
{
    private const string Example = """{"lambdas": [0, 0.25, 0.5, 0.75, 1], "schedules": [{"from": 0.2, "to": 0.8}], "policy": {"objective": "averageAccuracy", "largestForgetting": 0.05}}""";

    public static IServiceCollection AddPreviews(this IServiceCollection services) => services.AddScoped<PreviewReader>().AddScoped<CreatePreview>().AddScoped<AdoptPreview>();

    public static void MapPreviews(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/adapters/{id}/merge-previews").WithTags("Merge previews").RequireAuthorization();
        group.MapPost("", CreateAsync).WithName("CreateMergePreview").Accepts<CreatePreviewRequest>("application/json")
            .Produces<PreviewResponse>(StatusCodes.Status202Accepted).WithMetadata(new DocumentedBody(Example), DocumentedStatus.Conflict);
        group.MapGet("", ListAsync).WithName("ListMergePreviews").Produces<Page<PreviewResponse>>().WithMetadata(DocumentedParameter.Paging);
        group.MapGet("/{previewId}", GetAsync).WithName("GetMergePreview").Produces<PreviewResponse>();
        group.MapDelete("/{previewId}", CancelAsync).WithName("CancelMergePreview").Produces<PreviewResponse>(StatusCodes.Status202Accepted).WithMetadata(DocumentedStatus.Conflict);
        group.MapPost("/{previewId}/adopt", AdoptAsync).WithName("AdoptMergePreview").Accepts<AdoptRequest>("application/json")
            .Produces<VersionResponse>(StatusCodes.Status201Created).WithMetadata(new DocumentedBody("""{"lambda": 0.5}"""), DocumentedStatus.Conflict);
    }

    /// <summary>Asks what other weights of the last task in the merge would score; a worker measures them without training.</summary>
    private static async Task<IResult> CreateAsync(string id, HttpRequest request, ServiceDbContext database, CreatePreview create, PreviewReader reader, CancellationToken cancellationToken)
    {
        var caller = Caller.Of(request.HttpContext.User);
        if ((await RequestBody.ReadAsync(request, form: null, cancellationToken)).Failed(out var unreadable, out var body)) return unreadable;
        if ((await database.FindAdapterAsync(caller.TenantId, id, cancellationToken)).Failed(out var unknown, out var adapter)) return unknown;
        if ((await create.RunAsync(caller, adapter, body.Fields, cancellationToken)).Failed(out var problem, out var preview)) return problem;
        return TypedResults.Accepted($"/adapters/{adapter.Id}/merge-previews/{preview.Id}", await reader.ShowAsync(preview, cancellationToken));
    }

    /// <summary>Lists an adapter's merge previews, newest first.</summary>
    private static async Task<IResult> ListAsync(string id, HttpRequest request, ServiceDbContext database, PreviewReader reader, CancellationToken cancellationToken)
    {
        if (Paging.Read(request).Failed(out var badPage, out var paging)) return badPage;
        if ((await database.FindAdapterAsync(request.HttpContext.User.Tenant(), id, cancellationToken)).Failed(out var problem, out var adapter)) return problem;
        var query = database.MergePreviews.AsNoTracking().Where(row => row.AdapterId == adapter.Id);
        if (paging.Cursor is { } cursor) query = query.Where(row => string.Compare(row.Id, cursor) < 0);
        var rows = await query.OrderByDescending(row => row.Id).Take(paging.Limit + 1).ToListAsync(cancellationToken);
        var shown = (await reader.ShowAsync(adapter.Id, rows, cancellationToken)).ToDictionary(each => each.Id);
        return TypedResults.Ok(paging.Cut(rows, row => row.Id, row => shown[row.Id]));
    }

    /// <summary>Shows a merge preview and, once all is measured, its curve and the lambda that its policy takes.</summary>
    private static async Task<IResult> GetAsync(string id, string previewId, HttpContext http, ServiceDbContext database, PreviewReader reader, CancellationToken cancellationToken)
    {
        if ((await database.FindAdapterAsync(http.User.Tenant(), id, cancellationToken)).Failed(out var unknown, out var adapter)) return unknown;
        if ((await reader.FindAsync(adapter, previewId, cancellationToken)).Failed(out var problem, out var preview)) return problem;
        return TypedResults.Ok(await reader.ShowAsync(preview, cancellationToken));
    }

    /// <summary>Cancels a merge preview: a queued one at once, a running one within seconds.</summary>
    private static async Task<IResult> CancelAsync(string id, string previewId, HttpContext http, ServiceDbContext database, PreviewReader reader, TaskControl control, CancellationToken cancellationToken)
    {
        if ((await database.FindAdapterAsync(http.User.Tenant(), id, cancellationToken)).Failed(out var unknown, out var adapter)) return unknown;
        if ((await reader.FindAsync(adapter, previewId, cancellationToken)).Failed(out var missing, out var preview)) return missing;
        if ((await control.CancelSideAsync(Caller.Of(http.User), preview.TaskId, LearningTaskKind.MergePreview, cancellationToken)).Failed(out var problem, out _))
            return new Problem(problem.Type, "The preview is over; there is nothing to cancel. It keeps nothing but its figures.");
        return TypedResults.Accepted($"/adapters/{adapter.Id}/merge-previews/{preview.Id}", await reader.ShowAsync(preview, cancellationToken));
    }

    /// <summary>Makes one measured lambda the adapter's new head and live version, with just the bytes that training with it would have given.</summary>
    private static async Task<IResult> AdoptAsync(string id, string previewId, HttpRequest request, ServiceDbContext database, PreviewReader reader, AdoptPreview adopt, CancellationToken cancellationToken)
    {
        var caller = Caller.Of(request.HttpContext.User);
        if ((await RequestBody.ReadAsync(request, form: null, cancellationToken)).Failed(out var unreadable, out var body)) return unreadable;
        if ((await database.FindAdapterAsync(caller.TenantId, id, cancellationToken)).Failed(out var unknown, out var adapter)) return unknown;
        if ((await reader.FindAsync(adapter, previewId, cancellationToken)).Failed(out var missing, out var preview)) return missing;
        if ((await adopt.RunAsync(caller, adapter, preview, body.Fields, cancellationToken)).Failed(out var problem, out var version)) return problem;
        return TypedResults.Created($"/adapters/{adapter.Id}/versions/{version.Number}", VersionResponse.Of(version));
    }
}
