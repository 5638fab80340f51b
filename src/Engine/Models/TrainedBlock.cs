using ContinualService.Engine.Lora;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>
/// One block forward and backward, for training. The chain rule between the layers is written out here; on a GPU libtorch's autograd does it within a norm, an activation and attention. So of each token
/// 6 D + 2 F numbers are kept (attention's queries, keys, values and result among them) where a graph of the whole block keeps 9 D + 4 F, gradients that meet are added by the products
/// themselves, and no weight of the base is held by a graph.
/// </summary>
internal sealed class TrainedBlock : IDisposable
{
    private readonly Decoder _decoder;
    private readonly int _layer;
    private readonly LinearUpdate _update;
    private readonly Tensor? _wanted; // int64 [n]
    private readonly Tensor _x; // [N, D]
    private readonly Tensor? _query; // [N, H * K] before its norm; null: it has none
    private readonly Tensor? _key; // as _query
    private readonly TrainedAttention _attention;
    private readonly Tensor _hidden; // [n, D], after attention
    private readonly Tensor _gate; // [n, F]
    private readonly Tensor _up; // [n, F]
    private readonly IDisposable[] _kept; // all that this object made and holds

    /// <summary>The forward pass. To be called without a graph. What it keeps belongs to the caller's dispose scope, until it is disposed of.</summary>
    /// <param name="decoder">The base.</param>
    /// <param name="layer">Which block of it.</param>
    /// <param name="x">[N, D], which it keeps as well.</param>
    /// <param name="step">Where the tokens stand.</param>
    /// <param name="update">What is added to the layers.</param>
    /// <param name="wanted">int64 [n]: the tokens whose result anybody asks for; null: all. The others give keys and values, and that is all that is computed of them.</param>
    public TrainedBlock(Decoder decoder, int layer, Tensor x, AttentionStep step, LinearUpdate update, Tensor? wanted)
    {
        // One scope, and large values that go early go by hand: a scope keeps a set of what it holds.
        using var scope = NewDisposeScope();
        (_decoder, _layer, _x, _update, _wanted) = (decoder, layer, x, update, wanted);
        var (config, block) = (decoder.Config, decoder.BlockAt(layer));
        Tensor query, key, value;
        using (var read = RmsNorm.Apply(x, block.InputNorm, config.RmsNormEpsilon))
            (query, key, value) = (AdaptedLinear.Apply(read, block.Query, update), AdaptedLinear.Apply(read, block.Key, update), AdaptedLinear.Apply(read, block.Value, update));

        if (config.QueryKeyNorm) (_query, _key) = (query, key);
        _attention = step.Train(config, DecoderAttention.Normed(config, query, block.QueryNorm), DecoderAttention.Normed(config, key, block.KeyNorm), value, block.Window, layer);

        var residual = wanted is null ? x : x.index_select(0, wanted);
        _hidden = AdaptedLinear.Apply(Mixed(), block.Output, update).add_(residual, Scalars.One);
        using (var read = RmsNorm.Apply(_hidden, block.PostAttentionNorm, config.RmsNormEpsilon))
            (_gate, _up) = (AdaptedLinear.Apply(read, block.Gate, update), AdaptedLinear.Apply(read, block.Up, update));
        Output = AdaptedLinear.Apply(SwiGlu.Apply(_gate, _up), block.Down, update).add_(_hidden, Scalars.One);

        var (turnedQuery, turnedKey, heldValue, mixed) = _attention.Kept;
        _kept = [Output, turnedQuery, turnedKey, heldValue, mixed, _hidden, _gate, _up];
        if (config.QueryKeyNorm) _kept = [.. _kept, query, key];
        scope.MoveToOuter(_kept); // in one call: each makes objects
    }

    /// <summary>[n, D]. Lives as long as this object, unless it is disposed of before.</summary>
    public Tensor Output { get; }

    /// <summary>Adds to the gradients of what is trained in this block.</summary>
    /// <param name="gradient">[n, D]: that of <see cref="Output"/>.</param>
    /// <returns>That of x, [N, D], in the caller's dispose scope; null where nothing before this block is trained.</returns>
    public Tensor? Backward(Tensor gradient)
    {
        using var scope = NewDisposeScope();
        var (config, block) = (_decoder.Config, _decoder.BlockAt(_layer));
        // What lies before the first trained layer needs no gradient.
        bool Reaches(DecoderLinear layer) => layer.Site > _update.FirstSite;

        // Step 1: the feed-forward layers.
        Tensor? product; // [n, F]: its gradient
        using (var opened = SwiGlu.Apply(_gate, _up)) product = AdaptedLinear.Backward(gradient, opened, block.Down, _update, null, Reaches(block.Down));
        if (product is null) return null;
        var (gate, up) = SwiGlu.Backward(_gate, _up, product);
        Tensor? input; // [n, D]
        using (var normed = RmsNorm.Apply(_hidden, block.PostAttentionNorm, config.RmsNormEpsilon))
        {
            input = AdaptedLinear.Backward(gate, normed, block.Gate, _update, null, Reaches(block.Gate));
            // The gate's input is its own as well: where one reaches further back, so does the other.
            AdaptedLinear.Backward(up, normed, block.Up, _update, input, Reaches(block.Gate));
        }

        gate.Dispose();
        up.Dispose();
        if (input is null) return null;
        var attended = RmsNorm.Backward(_hidden, block.PostAttentionNorm, config.RmsNormEpsilon, input, gradient); // [n, D]: of what follows attention

        // Step 2: attention's result.
        if (AdaptedLinear.Backward(attended, Mixed(), block.Output, _update, null, Reaches(block.Output)) is not { } mixed) return null;
        if (_wanted is not null) mixed = mixed.new_zeros(_x.size(0), mixed.size(1)).index_copy_(0, _wanted, mixed); // [N, H * K]
        var (query, key, value) = _attention.Backward(mixed);
        mixed.Dispose();

        // Step 3: queries, keys and values.
        var first = Reaches(block.Query);
        var read = RmsNorm.Apply(_x, block.InputNorm, config.RmsNormEpsilon);
        var sum = AdaptedLinear.Backward(DecoderAttention.NormedBack(config, query, _query, block.QueryNorm), read, block.Query, _update, null, first);
        AdaptedLinear.Backward(DecoderAttention.NormedBack(config, key, _key, block.KeyNorm), read, block.Key, _update, sum, first);
        AdaptedLinear.Backward(value, read, block.Value, _update, sum, first);
        if (sum is null) return null;
        var x = RmsNorm.Backward(_x, block.InputNorm, config.RmsNormEpsilon, sum, _wanted is null ? attended : null); // [N, D]
        return (_wanted is null ? x : x.index_add_(0, _wanted, attended, Scalars.One)).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _x.Dispose();
        foreach (var kept in _kept) kept.Dispose();
    }

    /// <summary>[n, H * K]</summary>
    private Tensor Mixed()
    {
        var mixed = _attention.Mixed(); // [N, H * K]
        return _wanted is null ? mixed : mixed.index_select(0, _wanted);
    }
}
