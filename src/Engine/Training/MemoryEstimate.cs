using ContinualService.Engine.Continual;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Kernels;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Training;

/// <summary>
/// What a training process holds at its fullest, counted from shapes; docs/performance.md has the arithmetic. Masters, optimiser, logits and, on a GPU, what norms read are float32; weights, other
/// activations, keys and values are what the base computes in. On a GPU all but <see cref="Process"/> lies there.
/// </summary>
/// <param name="Weights">The base as it is held to train on, with one block whole where blocks are made whole when they are run.</param>
/// <param name="Adapters">The states before and after the task, what serves of both, and where the task starts.</param>
/// <param name="Optimiser">What is trained in one vector, its gradient, one more for each further lane (<see cref="DataParallel"/>), and AdamW's two moments.</param>
/// <param name="Activations">What the forward pass of the longest micro-batch keeps for the backward pass (<see cref="TrainedBlock"/>), and one layer's gradients on their way; with gradient checkpointing the inputs of all layers, and one layer.</param>
/// <param name="Logits">The loss's piece of the vocabulary's logits.</param>
/// <param name="Scoring">Scoring's activations, keys and values, and logits; nothing of training but the weights and adapters is there then. What a method draws from the adapter before it trains is generated in the same way, always with the largest size: another one would draw other rows.</param>
/// <param name="Process">Runtime and libraries before a model is loaded, as measured on Linux for x86-64.</param>
/// <param name="WholeBase">What the base takes beyond <paramref name="Weights"/> where it is scored, in full.</param>
public sealed record MemoryEstimate(long Weights, long Adapters, long Optimiser, long Activations, long Logits, long Scoring, long Process, long WholeBase = 0)
{
    private const long Wide = sizeof(float);
    private const long ProcessBytes = 200L << 20;

    // Of MaskedCrossEntropy: rows of logits at a time.
    private const long LossRows = 512;

    /// <summary>Training and scoring come after one another: the larger counts.</summary>
    public long Total => Math.Max(Weights + Adapters + Optimiser + Activations + Logits + Process, WhileScoring);

    /// <summary>What scoring needs with all that is there then.</summary>
    public long WhileScoring => Weights + WholeBase + Adapters + Scoring + Process;

    /// <param name="model">The base's shape.</param>
    /// <param name="lora">One task's shape.</param>
    /// <param name="method">What is kept and served.</param>
    /// <param name="learned">Tasks that the adapter has learned.</param>
    /// <param name="rows">Of a forward pass.</param>
    /// <param name="longestRow">Tokens of the longest training row.</param>
    /// <param name="scoredRow">Tokens of the longest row to score; 0: there is none.</param>
    /// <param name="dropout">Whether the LoRA's input is dropped out, which takes a mask and copies of the layer at work.</param>
    /// <param name="recomputes">Gradient checkpointing.</param>
    /// <param name="size">How much scoring computes at once; null: the largest.</param>
    /// <param name="computesIn">What the base is scored and served in, and trained on unless <paramref name="holding"/> says otherwise; see <see cref="Precision.Base"/>.</param>
    /// <param name="holding">How the base is held to train on; null: whole, on the device.</param>
    /// <param name="device">cpu, cuda or cuda:N.</param>
    /// <param name="threads">Of the training process.</param>
    public static MemoryEstimate Of(ModelConfig model, LoraConfig lora, IContinualMethod method, int learned, int rows, int longestRow, int scoredRow, bool dropout, bool recomputes = false, ScoringSize? size = null,
        ScalarType computesIn = Precision.Master, BaseHolding? holding = null, string device = "cpu", int threads = 1)
    {
        var sites = LoraWeights.Resolve(model, lora);
        var pair = Pairs(lora);
        long adapters = pair + State(learned + 1) + Pairs(method.ServedConfig(lora, learned + 1));
        if (learned > 0) adapters += State(learned) + Pairs(method.ServedConfig(lora, learned));
        var held = holding ?? BaseHolding.Resident;
        var (tokens, onCpu) = ((long)rows * longestRow, device == "cpu");
        var lanes = DataParallel.Lanes(SideBySide.Threads(threads, onCpu, held), rows, tokens);
        long narrow = held.ComputesIn(computesIn).ElementSize(), scores = computesIn.ElementSize();
        long queries = model.HeadCount * model.HeadWidth, keys = model.KeyValueHeadCount * model.HeadWidth, hidden = model.HiddenSize, wide = model.IntermediateSize;
        return new MemoryEstimate(
            Base(held),
            Wide * adapters,
            Wide * (3 + lanes) * pair,
            narrow * tokens * (KeptValues() + OneLayer() + 4 * hidden) + (onCpu ? Wide * lanes * RowAttention.Room(model, longestRow) : 0) + Products(narrow, lanes, tokens),
            Logit() * Math.Min(LossRows, tokens) * model.VocabularySize,
            Math.Max(Scored(size ?? ScoringSize.Largest, scoredRow), learned > 0 && method.NeedsUserTurn ? Scored(ScoringSize.Largest, longestRow) : 0),
            ProcessBytes,
            Math.Max(0, Base(held.InFull()) - Base(held)));

        long Base(BaseHolding way)
        {
            var linears = DecoderLayout.Linears(model);
            long element = way.ComputesIn(computesIn).ElementSize();
            var resident = element * DecoderLayout.Shapes(model).Values.Sum(shape => shape.Aggregate(1L, (product, size) => product * size)) - linears.Sum(Whole);
            // Pages of a mapped file are the system's to drop; what is narrow lies in memory of its own.
            var kept = way.Offload && (!way.IsNarrow || device != "cpu") ? 0 : linears.Sum(site => WeightFormat.Of(way.Format).Bytes(site.OutFeatures, site.InFeatures, element));
            return resident + kept + (way.MakesBlocks ? linears.Take(DecoderLayout.BlockLinears.Length).Sum(Whole) : 0);

            long Whole(LinearSite site) => element * site.OutFeatures * site.InFeatures;
        }

        long Pairs(LoraConfig shape) => sites.Sum(site => (long)shape.RankOf(site.Path) * (site.InFeatures + site.OutFeatures));

        long State(int tasks) => sites.Sum(site => method.Layout(lora, site, tasks).Sum(tensor => tensor.Elements));

        // Without gradients a layer's values go with the layer, of the tokens that each lane has on their way; the cache of a generation stays.
        long Scored(ScoringSize each, int row)
        {
            long most = SideBySide.Threads(threads, onCpu, held.InFull()), count = Math.Max(row, Math.Min(each.Tokens, most * ScoringSize.MaxRows * row));
            var pass = Math.Min(count, most * Math.Max(row, ScoringSize.PassTokens(onCpu)));
            return scores * (pass * (6 * hidden + 6 * queries + 4 * wide) + count * 2 * keys * model.LayerCount) + Wide * 2 * Math.Min(count, each.Positions(model.VocabularySize)) * model.VocabularySize + Products(scores, most, pass);
        }

        // What products in bfloat16 are computed in on a CPU, where it is float32.
        long Products(long element, long among, long passing) => onCpu && element < Wide ? Wide * among * ProductKernels.Room(model, (passing + among - 1) / among, threads / (int)among) : 0;

        long KeptValues() => recomputes ? LayerValues() + hidden * model.LayerCount : LayerValues() * model.LayerCount;

        // For each token: the layer's input and what attention made of it; queries, keys, values and result of attention; gate and up.
        long LayerValues() => 2 * hidden + Attended() + (model.QueryKeyNorm ? queries + keys : 0) + 2 * wide;

        // On a GPU keys and values once more for every query head, and the result twice where rows differ in length.
        long Attended() => onCpu ? 2 * queries + 2 * keys : 5 * queries + (keys < queries ? 2 * keys : 0);

        // On a CPU the gradient takes the logit's place, and products in bfloat16 have copies of both; on a GPU there is the log-softmax as well.
        long Logit() => !onCpu ? 3 * Wide : narrow < Wide ? Wide + 2 * narrow : Wide;

        // Of one layer's gradients. On a GPU libtorch keeps copies of them, and those of a norm are float32 whatever the rest is.
        long OneLayer() => (onCpu ? 3 * wide + 4 * hidden : 5 * wide + Wide / narrow * 4 * hidden) + (dropout ? 4 * wide : 0);
    }
}
