using ContinualService.Domain.Tenants;

namespace ContinualService.Api.Tenants;

/// <summary>Something that was done.</summary>
/// <param name="Id">The entry's id.</param>
/// <param name="Actor">Id of the API key, or operator.</param>
/// <param name="Action">Such as task.submit or key.revoke.</param>
/// <param name="Subject">Id of what it was done to.</param>
/// <param name="Reason">What the actor said of it, where the action asks why; else null.</param>
/// <param name="CreatedAt">When.</param>
public sealed record AuditResponse(string Id, string Actor, string Action, string Subject, string? Reason, DateTimeOffset CreatedAt)
{
    internal static AuditResponse Of(AuditEntry row) => new(row.Id, row.Actor, row.Action, row.Subject, row.Reason, row.CreatedAt);
}
