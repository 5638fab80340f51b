using ContinualService.Domain;
using ContinualService.Domain.Tenants;
using ContinualService.Infrastructure.Database;

namespace ContinualService.Api.Tenants;

/// <summary>Writes down who did what.</summary>
internal static class AuditLog
{
    /// <summary>Adds the entry to the context; it is saved with what it tells of, or not at all.</summary>
    public static void Record(this ServiceDbContext database, Caller caller, string action, string subject, DateTimeOffset now, string? reason = null) =>
        database.Audit.Add(new AuditEntry { Id = Ids.New("aud"), TenantId = caller.TenantId, Actor = caller.KeyId, Action = action, Subject = subject, Reason = reason, CreatedAt = now });
}
