namespace ContinualService.Domain.Tasks;

/// <summary>Remembers which task a client's Idempotency-Key made, so that a repeated request makes no second one.</summary>
public sealed class IdempotencyRecord
{
    public required string TenantId { get; init; }

    public required string Key { get; init; }

    /// <summary>Of the request, so that one key with two different requests is refused.</summary>
    public required string RequestSha256 { get; init; }

    public required string TaskId { get; init; }

    public DateTimeOffset CreatedAt { get; init; }
}
