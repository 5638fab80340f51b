using ContinualService.Api.Requests;
using ContinualService.Api.Swagger;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Tenants;

/// <summary>The route of the audit log.</summary>
internal static class AuditEndpoints
{
    public static void MapAudit(this IEndpointRouteBuilder routes) =>
        routes.MapGroup("/audit").WithTags("Audit").RequireAuthorization()
            .MapGet("", ListAsync).WithName("ListAudit").Produces<Page<AuditResponse>>().WithMetadata(DocumentedParameter.Paging)
            .WithMetadata(new DocumentedParameter("action", "Only entries of this action, such as task.submit."));

    /// <summary>Lists what was done with your keys, or by the operator for you, newest first.</summary>
    private static async Task<IResult> ListAsync(HttpRequest request, ServiceDbContext database, CancellationToken cancellationToken)
    {
        if (Paging.Read(request).Failed(out var problem, out var paging)) return problem;
        var tenant = request.HttpContext.User.Tenant();
        var query = database.Audit.AsNoTracking().Where(row => row.TenantId == tenant);
        if (request.Query["action"].ToString() is { Length: > 0 } action) query = query.Where(row => row.Action == action);
        if (paging.Cursor is { } cursor) query = query.Where(row => string.Compare(row.Id, cursor) < 0);
        var rows = await query.OrderByDescending(row => row.Id).Take(paging.Limit + 1).ToListAsync(cancellationToken);
        return TypedResults.Ok(paging.Cut(rows, row => row.Id, AuditResponse.Of));
    }
}
