using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;

namespace ContinualService.Engine.Training;

/// <summary>
/// What a training process holds at its fullest, counted from shapes; docs/performance.md has the arithmetic. Everything is float32, as the service
/// computes. On a GPU all but <see cref="Process"/> lies there.
/// </summary>
/// <param name="Weights">The base as it is held to train on, with one block whole where blocks are made whole when they are run.</param>
/// <param name="Adapters">The states before and after the task, what serves of both, and where the task starts.</param>
/// <param name="Optimiser">What is trained in one vector, its gradient, and AdamW's two moments.</param>
/// <param name="Activations">What the backward pass of the longest micro-batch needs, and one layer more for the gradients on their way; with gradient checkpointing the inputs of all layers, and one layer with its gradients.</param>
/// <param name="Logits">The loss's piece of the vocabulary's logits.</param>
/// <param name="Scoring">Scoring's activations, keys and values, and logits; nothing of training but the weights and adapters is there then.</param>
/// <param name="Process">Runtime and libraries before a model is loaded, as measured on Linux for x86-64.</param>
/// <param name="WholeBase">What the base takes beyond <paramref name="Weights"/> where it is scored, in full.</param>
public sealed record MemoryEstimate(long Weights, long Adapters, long Optimiser, long Activations, long Logits, long Scoring, long Process, long WholeBase = 0)
{
    private const long Wide = sizeof(float);
    private const long ProcessBytes = 200L << 20;

    // Of MaskedCrossEntropy: rows of logits at a time, each with its log-softmax and its gradient.
    private const long LossRows = 512;
    private const long LossCopies = 3;

    // Of the scorers: tokens and values of logits at a time.
    private const long ScoredTokens = 16_384;
    private const long ScoredRows = 64;
    private const long ScoredLogits = 1 << 24;

    /// <summary>Training and scoring come after one another: the larger counts.</summary>
    public long Total => Weights + Adapters + Math.Max(Optimiser + Activations + Logits, WholeBase + Scoring) + Process;

    /// <param name="model">The base's shape.</param>
    /// <param name="lora">One task's shape.</param>
    /// <param name="method">What is kept and served.</param>
    /// <param name="learned">Tasks that the adapter has learned.</param>
    /// <param name="rows">Of a forward pass.</param>
    /// <param name="longestRow">Tokens of the longest training row.</param>
    /// <param name="scoredRow">Tokens of the longest row to score; 0: there is none.</param>
    /// <param name="dropout">Whether the LoRA's input is dropped out, which keeps a copy and a mask for each adapted layer.</param>
    /// <param name="recomputes">Gradient checkpointing.</param>
    /// <param name="holding">How the base is held to train on; null: whole, on the device.</param>
    /// <param name="device">cpu, cuda or cuda:N.</param>
    public static MemoryEstimate Of(ModelConfig model, LoraConfig lora, IContinualMethod method, int learned, int rows, int longestRow, int scoredRow, bool dropout, bool recomputes = false,
        BaseHolding? holding = null, string device = "cpu")
    {
        var sites = LoraWeights.Resolve(model, lora);
        var pair = Pairs(lora);
        long adapters = pair + State(learned + 1) + Pairs(method.ServedConfig(lora, learned + 1));
        if (learned > 0) adapters += State(learned) + Pairs(method.ServedConfig(lora, learned));
        var held = holding ?? BaseHolding.Resident;
        var (tokens, scored) = ((long)rows * longestRow, Math.Min(ScoredTokens, ScoredRows * scoredRow));
        long queries = model.HeadCount * model.HeadWidth, keys = model.KeyValueHeadCount * model.HeadWidth, hidden = model.HiddenSize, wide = model.IntermediateSize;
        return new MemoryEstimate(
            Base(held),
            Wide * adapters,
            Wide * 4 * pair,
            Wide * tokens * (KeptValues() + 4 * hidden),
            Wide * LossCopies * Math.Min(LossRows, tokens) * model.VocabularySize,
            // Without gradients a layer's values go with the layer; the cache of a generation stays.
            Wide * (scored * (6 * hidden + 6 * queries + 4 * wide + 2 * keys * model.LayerCount) + 2 * Math.Min(ScoredLogits, scored * model.VocabularySize)),
            ProcessBytes,
            Math.Max(0, Base(held.InFull()) - Base(held)));

        long Base(BaseHolding way)
        {
            var linears = DecoderLayout.Linears(model);
            var resident = Wide * DecoderLayout.Shapes(model).Values.Sum(shape => shape.Aggregate(1L, (product, size) => product * size)) - linears.Sum(Whole);
            // Pages of a mapped file are the system's to drop; what is narrow lies in memory of its own.
            var kept = way.Offload && (way.Format == BaseFormat.Full || device != "cpu") ? 0 : linears.Sum(site => WeightFormat.Of(way.Format).Bytes(site.OutFeatures, site.InFeatures, Wide));
            return resident + kept + (way.Recomputes ? linears.Take(DecoderLayout.BlockLinears.Length).Sum(Whole) : 0);

            static long Whole(LinearSite site) => Wide * site.OutFeatures * site.InFeatures;
        }

        long Pairs(LoraConfig shape) => sites.Sum(site => (long)shape.RankOf(site.Path) * (site.InFeatures + site.OutFeatures));

        long State(int tasks) => sites.Sum(site => method.Layout(lora, site, tasks).Sum(tensor => tensor.Elements));

        long KeptValues() => recomputes ? TokenValues() * 2 / model.LayerCount + hidden * model.LayerCount : TokenValues() * (model.LayerCount + 1) / model.LayerCount;

        // Kept for the backward pass by all layers, for each token: two norms' inputs; queries, keys, values and result of attention, for every query head; gate, its
        // silu and up; and what the adapted layers read, once for those that read the same, with the products of A.
        long TokenValues()
        {
            var inputs = sites.Select(site => DecoderLayout.SharingInput(site.Index).First).Distinct().Sum(first => sites.First(site => DecoderLayout.SharingInput(site.Index).First == first).InFeatures);
            var dropped = dropout ? 2 * sites.Sum(site => (long)site.InFeatures) : 0;
            return model.LayerCount * (2 * hidden + 4 * queries + 3 * wide + (model.QueryKeyNorm ? queries + keys : 0)) + inputs + dropped + sites.Sum(site => (long)lora.RankOf(site.Path));
        }
    }
}
