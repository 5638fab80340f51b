using ContinualService.Engine.Lora;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>
/// A forward pass through all blocks and, once the loss is known, the backward pass, block by block. With gradient checkpointing of all blocks but the last only the input is kept, and each is run once more
/// before its backward pass: less memory for up to a third more arithmetic, and the same gradients. Its tensors belong to the
/// caller's dispose scope.
/// </summary>
internal sealed class TrainingPass
{
    private readonly Decoder _decoder;
    private readonly AttentionStep _step;
    private readonly LinearUpdate _update;
    private readonly Tensor _wanted; // int64 [n]
    private readonly Tensor?[] _read; // by block, [N, D]: what it reads, where that is all that was kept
    private readonly TrainedBlock?[] _blocks;
    private readonly Tensor _last; // [n, D]

    // Below it nothing is trained: no gradient goes there.
    private readonly int _first;

    /// <param name="decoder">The base.</param>
    /// <param name="ids">int64 [N].</param>
    /// <param name="step">Where they stand.</param>
    /// <param name="update">What is added to the layers, with its leaves.</param>
    /// <param name="wanted">int64 [n]: the tokens whose hidden states the loss is made of, each once.</param>
    /// <param name="recomputes">Gradient checkpointing.</param>
    public TrainingPass(Decoder decoder, Tensor ids, AttentionStep step, LinearUpdate update, Tensor wanted, bool recomputes)
    {
        (_decoder, _step, _update, _wanted) = (decoder, step, update, wanted);
        var count = decoder.Config.LayerCount;
        (_first, _read, _blocks) = (update.FirstSite / DecoderLayout.BlockLinears.Length, new Tensor?[count], new TrainedBlock?[count]);
        using var noGrad = no_grad();
        var x = decoder.Embed(ids);
        for (var layer = 0; layer < count; layer++)
        {
            if (layer < _first)
            {
                using var read = x;
                // Nothing is trained up to here; the last block is never among these.
                x = decoder.Block(read, layer, step, update);
                continue;
            }

            if (recomputes && layer < count - 1)
            {
                _read[layer] = x;
                x = decoder.Block(x, layer, step, update);
            }
            else
            {
                _blocks[layer] = Run(x, layer);
                x = _blocks[layer]!.Output;
            }
        }

        (_last, Hidden) = (x, decoder.Normed(x));
    }

    /// <summary>[n, D], after the final norm.</summary>
    public Tensor Hidden { get; }

    /// <summary>Takes a gradient through the blocks.</summary>
    /// <param name="ofHidden">[n, D]: that of <see cref="Hidden"/>. Used up.</param>
    public void Backward(Tensor ofHidden)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var gradient = _decoder.NormedGradient(_last, ofHidden); // [n, D]
        for (var layer = _blocks.Length - 1; layer >= _first; layer--)
        {
            using var block = _blocks[layer] ?? Again(layer);
            _blocks[layer] = null;
            using var above = gradient;
            var below = block.Backward(above);
            if (below is null) return;
            gradient = below;
        }
    }

    private TrainedBlock Again(int layer)
    {
        var block = Run(_read[layer]!, layer);
        _read[layer] = null;
        block.Output.Dispose();
        return block;
    }

    private TrainedBlock Run(Tensor x, int layer) => new(_decoder, layer, x, _step, _update, Wanted(layer));

    // Above the last block only the tokens are asked for that the loss is made of.
    private Tensor? Wanted(int layer) => layer == _blocks.Length - 1 ? _wanted : null;
}
