namespace ContinualService.Domain.Tenants;

/// <summary>One customer: owns data sets, adapters and tasks, and sees no other tenant's.</summary>
public sealed class Tenant
{
    public required string Id { get; init; }

    public required string Name { get; set; }

    /// <summary>The adapter that a task without one goes to; null until the first such task makes it.</summary>
    public string? DefaultAdapterId { get; set; }

    public DateTimeOffset CreatedAt { get; init; }
}
