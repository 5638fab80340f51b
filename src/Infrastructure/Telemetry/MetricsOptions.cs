using System.ComponentModel.DataAnnotations;

namespace ContinualService.Infrastructure.Telemetry;

/// <summary>Section <c>Metrics</c>: who may read /metrics.</summary>
public sealed class MetricsOptions
{
    public const string Section = "Metrics";

    /// <summary>Who sends it as <c>Authorization: Bearer</c> may read, and nobody else. Null or empty: <see cref="AllowRemote"/> decides.</summary>
    [RegularExpression(".{16,}", ErrorMessage = "Metrics:Token must have at least 16 characters; `openssl rand -hex 24` makes a good one.")]
    public string? Token { get; set; }

    /// <summary>Without a token: whether other machines may read too, for a network that nobody else reaches; else only callers on this machine that come straight, not through a proxy.</summary>
    public bool AllowRemote { get; set; }
}
