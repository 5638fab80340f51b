namespace ContinualService.Domain.Webhooks;

/// <summary>One event on its way to one webhook: written with the event, kept as the log of what became of it.</summary>
public sealed class WebhookDelivery
{
    /// <summary>The message's id as well: the same in every attempt, so that a receiver knows a repetition.</summary>
    public required string Id { get; init; }

    public required string WebhookId { get; init; }

    public required string TaskId { get; init; }

    /// <summary>One of <see cref="WebhookTypes"/>.</summary>
    public required string Type { get; init; }

    /// <summary>What the task's event says.</summary>
    public required string DataJson { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>Attempts begun since it was written or last sent once more.</summary>
    public int Attempts { get; set; }

    /// <summary>When the next attempt is due; null: there is none, it was delivered or given up.</summary>
    public DateTimeOffset? NextAttemptAt { get; set; }

    public DateTimeOffset? LastAttemptAt { get; set; }

    public DateTimeOffset? DeliveredAt { get; set; }

    /// <summary>HTTP status of the last answer; null: there was none.</summary>
    public int? LastStatus { get; set; }

    /// <summary>Why the last attempt failed; null: it did not.</summary>
    public string? LastError { get; set; }
}
