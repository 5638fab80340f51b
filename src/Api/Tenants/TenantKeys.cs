using ContinualService.Domain.Tenants;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Tenants;

/// <summary>What an operator does with a tenant's keys; any number are good at the same time, so that a new one is handed out before the old one ends.</summary>
internal sealed class TenantKeys(ServiceDbContext database, TimeProvider time)
{
    public Task<Tenant?> FindTenantAsync(string idOrName, CancellationToken cancellationToken) =>
        database.Tenants.AsNoTracking().FirstOrDefaultAsync(row => row.Id == idOrName || row.Name == idOrName, cancellationToken);

    /// <summary>Makes a key and gives its row and itself; the latter is nowhere else.</summary>
    public async Task<(ApiKey Row, string Key)> CreateAsync(Tenant tenant, string name, CancellationToken cancellationToken)
    {
        var key = ApiKeySecret.Create();
        var row = ApiKeySecret.Row(tenant.Id, name, key, time.GetUtcNow());
        database.ApiKeys.Add(row);
        database.Record(new Caller(tenant.Id, AuditEntry.Operator), "key.create", row.Id, row.CreatedAt);
        await database.SaveChangesAsync(cancellationToken);
        return (row, key);
    }

    /// <summary>Every key the tenant ever had, oldest first.</summary>
    public Task<List<ApiKey>> ListAsync(Tenant tenant, CancellationToken cancellationToken) =>
        database.ApiKeys.AsNoTracking().Where(row => row.TenantId == tenant.Id).OrderBy(row => row.Id).ToListAsync(cancellationToken);

    /// <summary>Ends a key at once; null where there is none of that id. One that was revoked before keeps its moment.</summary>
    public async Task<(ApiKey Row, int KeysLeft)?> RevokeAsync(string keyId, CancellationToken cancellationToken)
    {
        var row = await database.ApiKeys.SingleOrDefaultAsync(key => key.Id == keyId, cancellationToken);
        if (row is null) return null;
        if (row.RevokedAt is null)
        {
            row.RevokedAt = time.GetUtcNow();
            database.Record(new Caller(row.TenantId, AuditEntry.Operator), "key.revoke", row.Id, row.RevokedAt.Value);
            await database.SaveChangesAsync(cancellationToken);
        }

        return (row, await database.ApiKeys.CountAsync(key => key.TenantId == row.TenantId && key.RevokedAt == null, cancellationToken));
    }
}
