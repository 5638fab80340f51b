namespace ContinualService.Domain.Tenants;

/// <summary>Something that was done with a tenant's key or by the operator; append-only.</summary>
public sealed class AuditEntry
{
    /// <summary>The actor of what is done on the command line or at the start.</summary>
    public const string Operator = "operator";

    public required string Id { get; init; }

    public required string TenantId { get; init; }

    /// <summary>Id of the API key, or <see cref="Operator"/>.</summary>
    public required string Actor { get; init; }

    /// <summary>Such as <c>task.submit</c>, <c>adapter.delete</c>.</summary>
    public required string Action { get; init; }

    /// <summary>Id of what it was done to.</summary>
    public required string Subject { get; init; }

    /// <summary>The actor's own words, where the action asks for some.</summary>
    public string? Reason { get; init; }

    public DateTimeOffset CreatedAt { get; init; }
}
