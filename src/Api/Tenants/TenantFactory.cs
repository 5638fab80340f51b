using ContinualService.Domain;
using ContinualService.Domain.Tenants;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Tenants;

/// <summary>Makes tenants with their first key.</summary>
internal sealed class TenantFactory(ServiceDbContext database, TimeProvider time)
{
    /// <summary>Gives a tenant of that name the key, making the tenant where there is none; a key that is there already stays as it is.</summary>
    public async Task EnsureAsync(string name, string key, CancellationToken cancellationToken, double weight = 1, string? tenantClass = null)
    {
        var hash = ApiKeySecret.Hash(key);
        if (await database.ApiKeys.AnyAsync(row => row.KeyHash == hash, cancellationToken)) return;
        var tenant = await database.Tenants.FirstOrDefaultAsync(row => row.Name == name, cancellationToken);
        if (tenant is null) database.Tenants.Add(tenant = new Tenant { Id = Ids.New("tnt"), Name = name, Weight = weight, Class = tenantClass ?? Tenant.StandardClass, CreatedAt = time.GetUtcNow() });
        var row = ApiKeySecret.Row(tenant.Id, "first", key, time.GetUtcNow());
        database.ApiKeys.Add(row);
        database.Record(new Caller(tenant.Id, AuditEntry.Operator), "key.create", row.Id, time.GetUtcNow());
        await database.SaveChangesAsync(cancellationToken);
    }

    /// <summary>Makes a tenant and returns its key, which is nowhere else; null where the name is taken.</summary>
    public async Task<string?> CreateAsync(string name, double weight, string? tenantClass, CancellationToken cancellationToken)
    {
        if (await database.Tenants.AnyAsync(row => row.Name == name, cancellationToken)) return null;
        var key = ApiKeySecret.Create();
        await EnsureAsync(name, key, cancellationToken, weight, tenantClass);
        return key;
    }
}
