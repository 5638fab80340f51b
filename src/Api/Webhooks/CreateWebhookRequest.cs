using System.Text.Json.Nodes;

namespace ContinualService.Api.Webhooks;

/// <summary>An address to be told of events.</summary>
internal sealed class CreateWebhookRequest
{
    /// <summary>Absolute, https, on a public address.</summary>
    /// <example>https://example.com/hooks</example>
    public string? Url { get; set; }

    /// <summary>What to tell: fine_tuning.job.succeeded, fine_tuning.job.failed, fine_tuning.job.cancelled, adapter.version.published, adapter.drift.alarm; absent: all of them.</summary>
    public JsonArray? Events { get; set; }
}
