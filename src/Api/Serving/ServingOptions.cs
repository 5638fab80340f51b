using System.ComponentModel.DataAnnotations;

namespace ContinualService.Api.Serving;

/// <summary>The section "Serving": how the inference routes use this machine.</summary>
internal sealed class ServingOptions
{
    /// <summary>Device of the served models: cpu or cuda:N.</summary>
    [Required]
    public string Device { get; set; } = "cpu";

    /// <summary>Compute threads of one request's step; 0 takes half of the processors, because training runs beside it.</summary>
    [Range(0, 1024)]
    public int Threads { get; set; }

    /// <summary>Requests that generate at the same time; further ones wait.</summary>
    [Range(1, 1024)]
    public int MaxConcurrentRequests { get; set; } = 4;

    /// <summary>Requests that may wait; beyond them the answer is 503 with Retry-After.</summary>
    [Range(0, 100_000)]
    public int MaxWaitingRequests { get; set; } = 256;

    /// <summary>Adapters kept in memory.</summary>
    [Range(1, 100_000)]
    public int MaxResidentAdapters { get; set; } = 32;
}
