using System.ComponentModel.DataAnnotations;

namespace ContinualService.Api.Webhooks;

/// <summary>Section <c>Webhooks</c>: how events are told to the addresses that tenants give.</summary>
internal sealed class WebhookOptions
{
    public const string Section = "Webhooks";

    /// <summary>Whether plain http and addresses of this machine and of private networks are allowed: true only where every tenant may reach them anyway.</summary>
    public bool AllowPrivateAddresses { get; set; }

    /// <summary>Attempts for each delivery; after the last it is given up.</summary>
    [Range(1, 20)]
    public int MaxAttempts { get; set; } = 8;

    /// <summary>Seconds until the second attempt; each further pause is four times the one before, at most six hours.</summary>
    [Range(0.01, 3600)]
    public double FirstRetrySeconds { get; set; } = 5;

    /// <summary>Seconds that a receiver has for its answer.</summary>
    [Range(0.1, 60)]
    public double TimeoutSeconds { get; set; } = 10;

    /// <summary>Seconds between two looks for deliveries that are due.</summary>
    [Range(0.01, 60)]
    public double PollSeconds { get; set; } = 1;
}
