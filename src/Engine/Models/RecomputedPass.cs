using ContinualService.Engine.Lora;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>
/// Gradient checkpointing: a forward pass without a graph that keeps what each block reads, and a backward pass that runs the blocks once more, each with a graph of its own, from the last to
/// the first. Less memory for a third more arithmetic, and the same gradients. Its tensors belong to the caller's dispose scope.
/// </summary>
internal sealed class RecomputedPass
{
    private readonly Decoder _decoder;
    private readonly AttentionStep _step;
    private readonly LinearUpdate _update;
    private readonly Tensor[] _read; // by block, [B*T, D]
    private readonly Tensor _last; // [B*T, D]

    // Below it nothing is trained: no gradient goes there.
    private readonly int _first;

    public RecomputedPass(Decoder decoder, Tensor ids, AttentionStep step, LinearUpdate update)
    {
        (_decoder, _step, _update) = (decoder, step, update);
        (_first, _read) = (update.FirstSite / DecoderLayout.BlockLinears.Length, new Tensor[decoder.Config.LayerCount]);
        using (no_grad())
        {
            var x = decoder.Embed(ids);
            for (var layer = 0; layer < _read.Length; layer++)
            {
                _read[layer] = x;
                x = decoder.Block(x, layer, step, update);
                if (layer < _first) _read[layer].Dispose();
            }

            _last = x.detach().requires_grad_(true);
        }

        Hidden = decoder.FinalNorm(_last, step);
    }

    /// <summary>[B, T, D], with the graph of the last norm alone.</summary>
    public Tensor Hidden { get; }

    /// <summary>To be called once <see cref="Hidden"/> is back-propagated: takes its gradient through the blocks.</summary>
    public void Backward()
    {
        var gradient = _last.grad!; // [B*T, D]
        for (var layer = _read.Length - 1; layer >= _first; layer--)
        {
            using var scope = NewDisposeScope();
            using var read = _read[layer];
            var input = read.detach().requires_grad_(layer > _first);
            using (var above = gradient) _decoder.Block(input, layer, _step, _update).backward([above]);
            if (layer > _first) gradient = input.grad!.MoveToOuterDisposeScope();
        }
    }
}
