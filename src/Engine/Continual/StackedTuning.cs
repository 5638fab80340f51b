using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>
/// Trains a fresh pair of each layer on top of the frozen pairs of earlier tasks: y + s drop(x) A^T B^T + s x A_past^T B_past^T. Dropout is for what learns:
/// the frozen pairs see the whole input, as they do when they serve.
/// </summary>
internal class StackedTuning : Tuning
{
    private readonly LoraPair?[] _past;

    /// <param name="lora">The new pairs.</param>
    /// <param name="previous">Its stacks are the frozen pairs; null: there are none. Must outlive this object.</param>
    /// <param name="trained">As in <see cref="Tuning"/>.</param>
    public StackedTuning(LoraWeights lora, AdapterState? previous, IReadOnlyList<Tensor>? trained = null)
        : base(lora, trained)
    {
        Past = previous is null ? [] : PairStack.Frozen(previous);
        _past = new LoraPair?[Past.Count == 0 ? 0 : Past.Max(pair => pair.Site.Index) + 1];
        foreach (var pair in Past) _past[pair.Site.Index] = pair;
    }

    /// <summary>The frozen pairs, in the order of the new ones.</summary>
    public IReadOnlyList<LoraPair> Past { get; }

    internal override LinearUpdate Update(LiveParameters live, LoraDropout? dropout) => new StackedUpdate(this, live, dropout);

    /// <summary>Weights of the stacked rows of a layer, [1, T R], the new pair's last; null: all are 1.</summary>
    private protected virtual Tensor? Gains(LiveParameters live, int site) => null;

    private sealed class StackedUpdate(StackedTuning tuning, LiveParameters live, LoraDropout? dropout) : LinearUpdate
    {
        internal override int FirstSite => live.Lora.FirstSite;

        internal override Tensor AddTo(Tensor y, Tensor x, int site)
        {
            if (live.Lora.At(site) is not { } pair) return y;
            var gains = tuning.Gains(live, site);
            var past = site < tuning._past.Length ? tuning._past[site] : null;
            var rows = past?.A.shape[0] ?? 0;
            if (past is not null) Add(past, x, gains?.narrow(1, 0, rows));
            Add(pair, dropout?.Apply(x, site) ?? x, gains?.narrow(1, rows, pair.A.shape[0]));
            return y;

            void Add(LoraPair added, Tensor input, Tensor? weights)
            {
                if (weights is null) LoraProduct.Add(added, input, y);
                else LoraProduct.AddUp(added, LoraProduct.Down(added, input).mul(weights.to(x.dtype)), y);
            }
        }

        internal override void Backward(Tensor gradient, Tensor x, int site, Tensor? inputGradient)
        {
            if (live.Lora.At(site) is not { } pair) return;
            if (dropout is not null || tuning.Gains(live, site) is not null)
            {
                base.Backward(gradient, x, site, inputGradient);
                return;
            }

            if (site < tuning._past.Length && tuning._past[site] is { } past) LoraProduct.Backward(past, gradient, x, inputGradient);
            LoraProduct.Backward(pair, gradient, x, inputGradient);
        }
    }
}
