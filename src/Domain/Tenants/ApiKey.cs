namespace ContinualService.Domain.Tenants;

/// <summary>A tenant's credential; the key itself is shown once and never stored.</summary>
public sealed class ApiKey
{
    public required string Id { get; init; }

    public required string TenantId { get; init; }

    public required string Name { get; set; }

    /// <summary>SHA-256 of the key, lower-case hex.</summary>
    public required string KeyHash { get; init; }

    /// <summary>The key's first characters, so that its owner can tell keys apart.</summary>
    public required string Prefix { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>Null while the key is good.</summary>
    public DateTimeOffset? RevokedAt { get; set; }
}
