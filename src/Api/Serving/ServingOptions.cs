using System.ComponentModel.DataAnnotations;

namespace ContinualService.Api.Serving;

/// <summary>The section "Serving": where the inference routes compute, and how they use this machine.</summary>
internal sealed class ServingOptions
{
    /// <summary>local: in this process. vllm: on a fleet of vLLM servers (section "Serving:Vllm"); the other settings of this section then have no effect.</summary>
    [RegularExpression("^(local|vllm)$", ErrorMessage = "Serving:Backend must be local (answers are computed in this process) or vllm (by the servers of Serving:Vllm).")]
    public string Backend { get; set; } = ServingBackends.Local;

    /// <summary>Device of the served models: cpu or cuda:N.</summary>
    [Required]
    public string Device { get; set; } = "cpu";

    /// <summary>Compute threads of a step; 0 takes half of the processors, because training runs beside it.</summary>
    [Range(0, 1024)]
    public int Threads { get; set; }

    /// <summary>Sequences that share a step, whatever adapters they run with; further ones wait.</summary>
    [Range(1, 1024)]
    public int MaxBatch { get; set; } = 16;

    /// <summary>Tokens of one step: a longer prompt is read in pieces of this, so that running answers go on meanwhile.</summary>
    [Range(1, 65_536)]
    public int StepTokens { get; set; } = 256;

    /// <summary>Memory for keys and values of each served base model, in MiB: of running sequences, and of finished ones whose beginning may come again.</summary>
    [Range(1, 1_048_576)]
    public int CacheMegabytes { get; set; } = 1024;

    /// <summary>Sequences that may wait, for one base model; beyond them the answer is 503 with Retry-After.</summary>
    [Range(0, 100_000)]
    public int MaxWaitingRequests { get; set; } = 1024;

    /// <summary>Sequences of one tenant that may wait; beyond them the answer is 429 with Retry-After.</summary>
    [Range(0, 100_000)]
    public int MaxWaitingPerTenant { get; set; } = 256;

    /// <summary>Adapters kept in memory.</summary>
    [Range(1, 100_000)]
    public int MaxResidentAdapters { get; set; } = 32;

    /// <summary>Of these, the most that are pinned: loaded ahead and never dropped. At least one place stays free for the others, whatever is set.</summary>
    [Range(0, 100_000)]
    public int MaxPinnedAdapters { get; set; } = 8;

    /// <summary>Adapters that one tenant may pin.</summary>
    [Range(0, 100_000)]
    public int MaxPinnedPerTenant { get; set; } = 2;

    /// <summary>Pinned adapters that there is room for.</summary>
    public int PinnedPlaces => Math.Min(MaxPinnedAdapters, MaxResidentAdapters - 1);
}
