using ContinualService.Domain.Webhooks;

namespace ContinualService.Api.Webhooks;

/// <summary>What became of an event on its way to a webhook.</summary>
public sealed class DeliveryResponse
{
    /// <summary>The header webhook-id of its attempts.</summary>
    public required string Id { get; init; }

    public required string Type { get; init; }

    public required string TaskId { get; init; }

    /// <summary>pending, delivered or failed: given up after the last attempt.</summary>
    public required string State { get; init; }

    /// <summary>Attempts begun.</summary>
    public required int Attempts { get; init; }

    /// <summary>HTTP status of the last answer; null: there was none.</summary>
    public required int? LastStatus { get; init; }

    /// <summary>Why the last attempt failed; null: it did not.</summary>
    public required string? LastError { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset? LastAttemptAt { get; init; }

    /// <summary>When it is tried again; null: not any more.</summary>
    public required DateTimeOffset? NextAttemptAt { get; init; }

    internal static DeliveryResponse Of(WebhookDelivery row) => new()
    {
        Id = row.Id,
        Type = row.Type,
        TaskId = row.TaskId,
        State = row.NextAttemptAt is not null ? "pending" : row.DeliveredAt is not null ? "delivered" : "failed",
        Attempts = row.Attempts,
        LastStatus = row.LastStatus,
        LastError = row.LastError,
        CreatedAt = row.CreatedAt,
        LastAttemptAt = row.LastAttemptAt,
        NextAttemptAt = row.NextAttemptAt,
    };
}
