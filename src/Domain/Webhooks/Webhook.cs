namespace ContinualService.Domain.Webhooks;

/// <summary>An address of a tenant's that is told of events.</summary>
public sealed class Webhook
{
    public required string Id { get; init; }

    public required string TenantId { get; init; }

    public required string Url { get; init; }

    /// <summary>Which of <see cref="WebhookTypes"/> it is told of, separated by spaces.</summary>
    public required string Events { get; init; }

    /// <summary>Signs every delivery. Kept as it is: a digest could not sign.</summary>
    public required string Secret { get; set; }

    /// <summary>Signs beside <see cref="Secret"/> until <see cref="PreviousSecretUntil"/>; null: there is none.</summary>
    public string? PreviousSecret { get; set; }

    public DateTimeOffset? PreviousSecretUntil { get; set; }

    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>The secrets that sign at this moment, the newest first.</summary>
    public IReadOnlyList<string> SecretsAt(DateTimeOffset now) => PreviousSecret is { } previous && PreviousSecretUntil > now ? [Secret, previous] : [Secret];
}
