using System.ComponentModel.DataAnnotations;

namespace ContinualService.Api.Serving.Vllm;

/// <summary>Section <c>Serving:Vllm</c>: the vLLM servers that compute answers where <c>Serving:Backend</c> is <c>vllm</c>.</summary>
internal sealed class VllmOptions
{
    public const string Section = "Serving:Vllm";

    /// <summary>Each served base model, by the name of its folder below <c>Models:Root</c>.</summary>
    public Dictionary<string, VllmModelOptions> Models { get; set; } = [];

    /// <summary>Folder for the adapters that are loaded, on a disk that the servers share; it must be there.</summary>
    public string AdaptersFolder { get; set; } = "";

    /// <summary>The path of the same folder on the servers; null: the same.</summary>
    public string? ServersAdaptersFolder { get; set; }

    /// <summary>What the servers were started with as --api-key; null: none.</summary>
    public string? ApiKey { get; set; }

    /// <summary>Adapters that this process has loaded at a time on each server. All processes together must stay within the servers' --max-loras.</summary>
    [Range(1, 10_000)]
    public int MaxAdapters { get; set; } = 8;

    /// <summary>How many more requests in flight a server may have than the idlest one and is still preferred because it has the adapter already.</summary>
    [Range(0, 10_000)]
    public int PreferLoadedBy { get; set; } = 16;

    /// <summary>Most alternatives with a token's log-probability: the servers' --max-logprobs.</summary>
    [Range(0, 256)]
    public int MaxLogProbabilities { get; set; } = 20;

    /// <summary>Sequences in flight of all tenants; beyond them the answer is 503.</summary>
    [Range(1, 1_000_000)]
    public int MaxRequests { get; set; } = 1024;

    /// <summary>Sequences in flight of one tenant; beyond them its answer is 429.</summary>
    [Range(1, 1_000_000)]
    public int MaxRequestsPerTenant { get; set; } = 256;

    /// <summary>Seconds for a connection.</summary>
    [Range(0.1, 60)]
    public double ConnectSeconds { get; set; } = 2;

    /// <summary>Seconds for loading or unloading an adapter.</summary>
    [Range(1, 3600)]
    public double LoadSeconds { get; set; } = 60;

    /// <summary>Seconds without a sign of life from a server that answers, the wait for its first token included.</summary>
    [Range(0.1, 3600)]
    public double AnswerSeconds { get; set; } = 120;

    /// <summary>Seconds for which a server that failed is left out.</summary>
    [Range(0.1, 3600)]
    public double LeaveOutSeconds { get; set; } = 5;

    /// <summary>Seconds between two looks at every server, and for adapters that were deleted.</summary>
    [Range(0.05, 3600)]
    public double WatchSeconds { get; set; } = 5;
}
