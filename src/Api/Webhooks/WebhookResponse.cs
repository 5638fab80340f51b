using System.Text.Json.Serialization;
using ContinualService.Domain.Webhooks;

namespace ContinualService.Api.Webhooks;

/// <summary>A webhook as its owner sees it.</summary>
public sealed class WebhookResponse
{
    public required string Id { get; init; }

    public required string Url { get; init; }

    /// <summary>What it is told of.</summary>
    public required IReadOnlyList<string> Events { get; init; }

    /// <summary>The key of its signatures, whsec_...; there only in the answer that made it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Secret { get; init; }

    /// <summary>Until when the secret before signs too; null: there is none.</summary>
    public required DateTimeOffset? PreviousSecretUntil { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    internal static WebhookResponse Of(Webhook row) => Of(row, null);

    internal static WebhookResponse Of(Webhook row, string? secret) => new()
    {
        Id = row.Id,
        Url = row.Url,
        Events = row.Events.Split(' '),
        Secret = secret,
        PreviousSecretUntil = row.PreviousSecretUntil,
        CreatedAt = row.CreatedAt,
    };
}
