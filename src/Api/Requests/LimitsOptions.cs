using System.ComponentModel.DataAnnotations;

namespace ContinualService.Api.Requests;

/// <summary>Section <c>Limits</c>: what one request may ask for.</summary>
internal sealed class LimitsOptions
{
    /// <summary>Largest request body in bytes, files included. Default 256 MiB.</summary>
    [Range(1024, long.MaxValue)]
    public long MaxUploadBytes { get; set; } = 256L << 20;
}
