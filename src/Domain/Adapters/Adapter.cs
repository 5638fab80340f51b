namespace ContinualService.Domain.Adapters;

/// <summary>A tenant's single LoRA over one pinned base; its rank, alpha, targets and method never change.</summary>
public sealed class Adapter
{
    public required string Id { get; init; }

    public required string TenantId { get; init; }

    /// <summary>Unique among the tenant's adapters that are not deleted.</summary>
    public required string Name { get; set; }

    public required string Model { get; init; }

    /// <summary>Digest of the base's weights, config, tokenizer and template files.</summary>
    public required string BaseDigest { get; init; }

    public required string TemplateSha256 { get; init; }

    public int Rank { get; init; }

    public double Alpha { get; init; }

    /// <summary>JSON array of module names, or <c>["all-linear"]</c>.</summary>
    public required string TargetModulesJson { get; init; }

    /// <summary>Wire name of the continual method, such as slao.</summary>
    public required string Method { get; init; }

    /// <summary>JSON object of the method's options; one that is not there has its default.</summary>
    public string MethodOptionsJson { get; init; } = "{}";

    public string? GateJson { get; set; }

    /// <summary>A <see cref="Drift.DriftLimits"/> as JSON: the limits that differ from the service's; null: none does.</summary>
    public string? DriftJson { get; set; }

    /// <summary>The version that the next task starts from; 0 before the first.</summary>
    public int HeadVersion { get; set; }

    /// <summary>Tasks learned on the way to the head: i of the head version.</summary>
    public int TaskCount { get; set; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? DeletedAt { get; set; }

    /// <summary>Since when its live version is kept in memory whether it is used or not; null: it comes and goes with its use.</summary>
    public DateTimeOffset? PinnedAt { get; set; }

    /// <summary>Who may train this adapter now; null when nobody does.</summary>
    public string? LeaseOwner { get; set; }

    /// <summary>Grows by one with every lease taken; a write carrying an older number comes from a holder that lost it.</summary>
    public long LeaseFence { get; set; }

    public DateTimeOffset? LeaseExpiresAt { get; set; }
}
