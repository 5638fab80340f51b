namespace ContinualService.Domain.Tenants;

/// <summary>One customer: owns data sets, adapters and tasks, and sees no other tenant's.</summary>
public sealed class Tenant
{
    /// <summary>The class of a tenant that the operator gave none.</summary>
    public const string StandardClass = "standard";

    public required string Id { get; init; }

    public required string Name { get; set; }

    /// <summary>The adapter that a task without one goes to; null until the first such task makes it.</summary>
    public string? DefaultAdapterId { get; set; }

    /// <summary>The tenant's share of the workers where several wait, relative to others'; above 0.</summary>
    public double Weight { get; set; } = 1;

    /// <summary>The operator's group of tenants; metrics are kept per class, not per tenant.</summary>
    public string Class { get; set; } = StandardClass;

    public DateTimeOffset CreatedAt { get; init; }
}
