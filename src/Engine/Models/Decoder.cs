using ContinualService.Engine.Inference;
using ContinualService.Engine.Kernels;
using ContinualService.Engine.Lora;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>
/// One decoder for every supported family; families differ by <see cref="ModelConfig"/> alone. The weights are plain tensors under their checkpoint names,
/// or held as <see cref="Holding"/> says, and are never changed by a call, and a LoRA is an argument of the call, so one instance serves many adapters and threads at once.
/// Letters in shapes: B batch, T tokens, D hidden, H query heads, G key/value heads, K head width, F feed-forward width, V vocabulary, R rank.
/// </summary>
public sealed class Decoder : IDisposable
{
    private readonly IBlockWeights[] _blocks;
    private readonly IReadOnlyDictionary<string, HeldMatrix> _held;
    private readonly Tensor _embedding;
    private readonly Tensor _finalNorm;
    private readonly Tensor _head;
    private readonly RotaryTable _rotary;

    /// <summary>Takes ownership of <paramref name="weights"/>: they leave the caller's dispose scope. They may require gradients (pretraining).</summary>
    /// <exception cref="ModelFormatException">A weight is missing, unexpected, or has the wrong shape.</exception>
    public Decoder(ModelConfig config, IReadOnlyDictionary<string, Tensor> weights)
        : this(config, weights, new Dictionary<string, HeldMatrix>(), BaseHolding.Resident)
    {
    }

    /// <summary>The same with the matrices of the blocks held as they were added.</summary>
    internal Decoder(ModelConfig config, BaseWeights weights)
        : this(config, weights.Resident, weights.Held, weights.Holding)
    {
    }

    private Decoder(ModelConfig config, IReadOnlyDictionary<string, Tensor> weights, IReadOnlyDictionary<string, HeldMatrix> held, BaseHolding holding)
    {
        CheckWeights(config, weights, held);
        (Config, Holding, _held) = (config, holding, held);
        Weights = weights;
        Linears = DecoderLayout.Linears(config);
        _embedding = weights[DecoderLayout.Embedding];
        _finalNorm = weights[DecoderLayout.FinalNorm];
        _head = config.TieWordEmbeddings ? _embedding : weights[DecoderLayout.Head];
        Device = _embedding.device;
        _blocks = [.. Enumerable.Range(0, config.LayerCount).Select(layer =>
            !holding.MakesBlocks ? (IBlockWeights)DecoderBlock.From(config, layer, weights) : new HeldBlock(config, layer, weights, held, Device, DType))];
        _rotary = new RotaryTable(config.Rope, config.HeadWidth, Device, RotatesByMatrices ? DType : ScalarType.Float32);
        foreach (var weight in weights.Values) weight.DetachFromDisposeScope();
        foreach (var matrix in held.Values) matrix.DetachFromDisposeScope();
    }

    public ModelConfig Config { get; }

    /// <summary>How the matrices of the blocks lie between their runs.</summary>
    public BaseHolding Holding { get; }

    /// <summary>Every weight that is resident under its checkpoint name; with tied embeddings there is no head.</summary>
    public IReadOnlyDictionary<string, Tensor> Weights { get; }

    /// <summary>The layers that can carry a LoRA, block by block: q, k, v, o, gate, up, down.</summary>
    public IReadOnlyList<LinearSite> Linears { get; }

    public Device Device { get; }

    internal bool OnCpu => Device.type == DeviceType.CPU;

    public ScalarType DType => _embedding.dtype;

    /// <summary>Reads the weights of a model folder (single file or shards, F32, F16 or BF16) as <paramref name="dtype"/>, matrix by matrix as <paramref name="holding"/> says; null: whole, on the device.</summary>
    public static Decoder Load(string folder, ModelConfig config, Device device, ScalarType dtype, BaseHolding? holding = null)
    {
        using var scope = NewDisposeScope();
        var weights = new BaseWeights(config, holding ?? BaseHolding.Resident, device, dtype);
        Checkpoint.Load(folder, config, weights);
        return new Decoder(config, weights);
    }

    /// <summary>The same weights in memory of their own that is quick to read through, where this is a CPU: for generating. This decoder is used up by it.</summary>
    public Decoder IntoLargePages()
    {
        if (!OnCpu || Holding.MakesBlocks) return this;
        _rotary.Dispose();
        return new Decoder(Config, LargePages.Take(Weights));
    }

    /// <summary>Fresh float32 weights on the CPU for pretraining: normal(0, 0.02), less where a layer writes to the residual stream; norms 1, biases 0.</summary>
    public static Dictionary<string, Tensor> CreateWeights(ModelConfig config, Generator generator)
    {
        const double spread = 0.02;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var weights = new Dictionary<string, Tensor>();
        foreach (var (name, shape) in DecoderLayout.Shapes(config))
        {
            // Each block adds to the residual stream twice: without the factor its variance grows with depth (GPT-2).
            var residual = name.EndsWith("o_proj.weight", StringComparison.Ordinal) || name.EndsWith("down_proj.weight", StringComparison.Ordinal);
            weights[name] = name.EndsWith("norm.weight", StringComparison.Ordinal) ? ones(shape, float32)
                : name.EndsWith(".bias", StringComparison.Ordinal) ? zeros(shape, float32)
                : randn(shape, float32, generator: generator).mul_(residual ? spread / Math.Sqrt(2.0 * config.LayerCount) : spread);
        }

        foreach (var weight in weights.Values) weight.DetachFromDisposeScope();
        return weights;
    }

    /// <summary>
    /// Hidden states after the final norm: <paramref name="ids"/> int64 [B, T] to [B, T, D]. Attention is causal, so tokens that pad a row on the right
    /// change nothing before them.
    /// </summary>
    public Tensor Hidden(Tensor ids, LoraWeights? lora = null, LoraDropout? dropout = null) => Hidden(ids, LoraUpdate.Of(lora, Device, dropout));

    /// <inheritdoc cref="Hidden(Tensor, LoraWeights?, LoraDropout?)"/>
    internal Tensor Hidden(Tensor ids, LinearUpdate? update)
    {
        using var scope = NewDisposeScope();
        var (batch, length) = CheckIds(ids);
        return Run(ids, Equal(batch, length), update, null).view(batch, length, Config.HiddenSize).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Hidden states of whole sequences that lie one after another, without padding: <paramref name="ids"/> int64 [N] to [n, D].
    /// </summary>
    /// <param name="ids">Their tokens.</param>
    /// <param name="lengths">Of each sequence, in their order; sum N.</param>
    /// <param name="update">What is added to the layers.</param>
    /// <param name="wanted">int64 [n]: the tokens whose states are asked for.</param>
    internal Tensor Hidden(Tensor ids, IReadOnlyList<int> lengths, LinearUpdate? update, Tensor wanted)
    {
        using var scope = NewDisposeScope();
        return Run(ids, Packed(lengths, is_grad_enabled()), update, wanted).MoveToOuterDisposeScope();
    }

    /// <summary>The same for training, of the tokens that are <paramref name="wanted"/>: int64 [n].</summary>
    internal TrainingPass Train(Tensor ids, IReadOnlyList<int> lengths, LinearUpdate update, Tensor wanted, bool recomputes) => new(this, ids, Packed(lengths, graph: false), update, wanted, recomputes);

    /// <summary>
    /// Like <see cref="Hidden"/>, for tokens that follow what <paramref name="cache"/> holds of each row; appends them to it. No gradients.
    /// </summary>
    public Tensor HiddenCached(Tensor ids, KeyValueCache cache, LoraWeights? lora = null)
    {
        using var scope = NewDisposeScope();
        return HiddenCached(ids, cache, lora, null).view(ids.shape[0], ids.shape[1], Config.HiddenSize).MoveToOuterDisposeScope();
    }

    /// <summary>The same, [n, D], of the tokens that are <paramref name="wanted"/>: int64 [n], of all B*T; null: all.</summary>
    /// <param name="ids">int64 [B, T].</param>
    /// <param name="cache">Of as many rows.</param>
    /// <param name="lora">Null: none.</param>
    /// <param name="wanted">As above.</param>
    /// <param name="branches">The T tokens of each row are continuations of so many tokens each, one after another, none of which sees another; null: they are one.</param>
    internal Tensor HiddenCached(Tensor ids, KeyValueCache cache, LoraWeights? lora, Tensor? wanted, IReadOnlyList<int>? branches = null)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (batch, length) = CheckIds(ids);
        var plan = cache.Plan(batch, length, branches, Device);
        plan.Prepare(Windows, Device);
        var (cos, sin) = _rotary.AtLeast(plan.PositionsEnd);
        var step = plan.Positions is { } positions
            ? new CachedStep(batch, length, Rows(cos, positions), Rows(sin, positions), cache, plan) // tables [B, 1, T, K/2]
            : new CachedStep(batch, length, cos.narrow(0, plan.Start, length), sin.narrow(0, plan.Start, length), cache, plan);
        var hidden = Run(ids, step, LoraUpdate.Of(lora, Device), wanted);
        cache.Advance(length);
        return hidden.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Hidden states of tokens of many sequences, one after the other: <paramref name="batch"/> says which tokens continue which sequence, and their keys and
    /// values are appended to it. No padding is computed. To [N, D]. No gradients.
    /// </summary>
    /// <param name="batch">At least one token.</param>
    /// <param name="update">The adapters of its tokens; null: the base model alone.</param>
    /// <param name="kernels">For the single tokens among them, in float32 on the CPU; null: general products.</param>
    internal Tensor HiddenPacked(PackedBatch batch, LinearUpdate? update, CpuKernels? kernels = null)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var positions = tensor(batch.Positions(), int64, Device); // [N]
        var (cos, sin) = _rotary.AtLeast(batch.Longest);
        var step = new PackedStep(batch, kernels, cos.index_select(0, positions), sin.index_select(0, positions)); // tables [N, K/2]
        step.Prepare(Windows, Device);
        var hidden = Run(tensor(batch.Ids(), int64, Device), step, update, null);
        batch.Advance();
        return hidden.MoveToOuterDisposeScope();
    }

    /// <summary>What computes a few tokens on the CPU; null where this decoder is not on one, not in float32, or not resident. It must not outlive the decoder.</summary>
    internal ShortPass? ShortPass(CpuKernels? kernels) =>
        kernels is null || Holding.MakesBlocks ? null : new ShortPass(Config, _blocks.Select(block => block.ForRun()), _embedding, _finalNorm, _rotary, kernels);

    /// <summary>[..., D] to logits, float32 [..., V]: softmax and loss lose small differences in less.</summary>
    public Tensor Logits(Tensor hidden) => Logits(hidden, null);

    /// <param name="hidden">[N, D] where there are kernels.</param>
    /// <param name="kernels">As in <see cref="HiddenPacked"/>.</param>
    internal Tensor Logits(Tensor hidden, CpuKernels? kernels)
    {
        using var scope = NewDisposeScope();
        if (kernels is not null && hidden.shape[0] <= CpuKernels.MaxRows) return kernels.Linear(hidden.contiguous(), _head, null).MoveToOuterDisposeScope();
        return ProductKernels.WideLinear(hidden, _head).MoveToOuterDisposeScope();
    }

    /// <summary>The gradient of the hidden states, [N, D], given that of the logits, float32 [N, V]. Belongs to the caller's dispose scope.</summary>
    internal Tensor LogitsGradient(Tensor gradient) => ProductKernels.LinearBack(gradient, _head, null);

    public void Dispose()
    {
        foreach (var weight in Weights.Values) weight.Dispose();
        foreach (var matrix in _held.Values) matrix.Dispose();
        _rotary.Dispose();
    }

    private IEnumerable<int?> Windows => Enumerable.Range(0, Config.LayerCount).Select(Config.WindowOf);

    // In float32 the products would be no faster, and TF32 would spoil them.
    private bool RotatesByMatrices => Device.type == DeviceType.CUDA && DType == ScalarType.BFloat16;

    /// <summary>Sequences of one length from their first token on.</summary>
    private CausalStep Equal(int rows, int length)
    {
        var (cos, sin) = _rotary.AtLeast(length);
        (cos, sin) = (cos.narrow(0, 0, length), sin.narrow(0, 0, length)); // [T, K/2]
        return new CausalStep(rows, length, cos, sin, RotatesByMatrices ? RotationMatrices.Of(cos, sin, rows, DType) : null);
    }

    /// <summary>Sequences of any length from their first token on, one after another, with or without a graph of all.</summary>
    private AttentionStep Packed(IReadOnlyList<int> lengths, bool graph)
    {
        var general = graph || !OnCpu;
        if (general && lengths.Distinct().Count() == 1) return Equal(lengths.Count, lengths[0]);
        var places = empty(lengths.Sum(), int64);
        Fill(TensorMemory.Span<long>(places));
        places = places.OnDevice(Device);
        var (cos, sin) = _rotary.AtLeast(lengths.Max());
        (cos, sin) = (cos.index_select(0, places), sin.index_select(0, places)); // [N, K/2]
        if (general) return new PaddedStep(lengths, cos, sin, RotatesByMatrices ? RotationMatrices.Of(cos, sin, 1, DType) : null);
        return new RowsStep(cos, sin, new RowAttention(lengths));

        void Fill(Span<long> all)
        {
            var start = 0;
            foreach (var length in lengths)
            {
                for (var t = 0; t < length; t++) all[start + t] = t;
                start += length;
            }
        }
    }

    /// <summary>To [B*T, D]; with <paramref name="wanted"/>, int64 [n], to [n, D]: of the last block, the others give keys and values alone.</summary>
    private Tensor Run(Tensor ids, AttentionStep step, LinearUpdate? update, Tensor? wanted)
    {
        var x = Embed(ids); // [B*T, D]
        for (var layer = 0; layer < _blocks.Length; layer++) x = Block(x, layer, step, update, layer == _blocks.Length - 1 ? wanted : null);
        return Normed(x);
    }

    /// <summary>To [B*T, D].</summary>
    internal Tensor Embed(Tensor ids) => _embedding.index_select(0, ids.reshape(-1));

    /// <summary>One block of the stack, [B*T, D] to the same, or to [n, D] of the tokens that are <paramref name="wanted"/>.</summary>
    internal Tensor Block(Tensor x, int layer, AttentionStep step, LinearUpdate? update, Tensor? wanted = null)
    {
        using var scope = NewDisposeScope();
        var block = BlockAt(layer);
        var attended = DecoderAttention.Run(Config, block, layer, Norm(x, block.InputNorm), step, update, wanted);
        var h = (wanted is null ? x : x.index_select(0, wanted)).add(attended, Scalars.One); // [n, D]
        var normed = Norm(h, block.PostAttentionNorm);
        var gated = SwiGlu.Apply(AdaptedLinear.Apply(normed, block.Gate, update), AdaptedLinear.Apply(normed, block.Up, update)); // [n, F]
        return h.add(AdaptedLinear.Apply(gated, block.Down, update), Scalars.One).MoveToOuterDisposeScope(); // [n, D]
    }

    /// <summary>A block's weights for one run; what is made for it belongs to the caller's dispose scope.</summary>
    internal DecoderBlock BlockAt(int layer) => _blocks[layer].ForRun();

    /// <summary>The final norm, [N, D] to the same.</summary>
    internal Tensor Normed(Tensor x) => Norm(x, _finalNorm);

    /// <summary>The gradient of x, [N, D], given that of <see cref="Normed"/>, which is used up.</summary>
    internal Tensor NormedGradient(Tensor x, Tensor gradient) => RmsNorm.Backward(x, _finalNorm, Config.RmsNormEpsilon, gradient);

    private Tensor Norm(Tensor x, Tensor weight) => RmsNorm.Apply(x, weight, Config.RmsNormEpsilon);

    private Tensor Rows(Tensor table, Tensor positions) =>
        table.index_select(0, positions.reshape(-1)).view(positions.shape[0], 1, positions.shape[1], Config.HeadWidth / 2);

    private static (int Batch, int Length) CheckIds(Tensor ids)
    {
        if (ids.dim() != 2 || ids.dtype != ScalarType.Int64 || ids.NumberOfElements == 0)
            throw new ArgumentException($"ids must be int64 [B, T] and not empty, but are {ids.dtype} [{string.Join(", ", ids.shape)}].", nameof(ids));
        return ((int)ids.shape[0], (int)ids.shape[1]);
    }

    private static void CheckWeights(ModelConfig config, IReadOnlyDictionary<string, Tensor> weights, IReadOnlyDictionary<string, HeldMatrix> held)
    {
        var shapes = DecoderLayout.Shapes(config);
        foreach (var (name, shape) in shapes)
        {
            var found = weights.TryGetValue(name, out var weight) ? weight.shape : held.GetValueOrDefault(name)?.Shape ?? throw new ModelFormatException($"The weight {name} is missing.");
            if (!found.SequenceEqual(shape))
                throw new ModelFormatException($"The weight {name} has shape [{string.Join(", ", found)}], but the configuration makes it [{string.Join(", ", shape)}].");
        }

        if (weights.Keys.FirstOrDefault(name => !shapes.ContainsKey(name)) is { } unexpected) throw new ModelFormatException($"The weight {unexpected} is unexpected.");
    }
}
