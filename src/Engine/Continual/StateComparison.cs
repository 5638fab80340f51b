using ContinualService.Domain.Replays;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>Holds a training state that was made once more against the stored one, tensor by tensor.</summary>
public static class StateComparison
{
    /// <summary>The tensors whose bits differ, in the model's order and in that of the method's layout; empty: none.</summary>
    /// <exception cref="ArgumentException">They are no states of one adapter after the same number of tasks.</exception>
    public static IReadOnlyList<TensorDifference> Of(AdapterState stored, AdapterState again)
    {
        if (stored.Method.Label() != again.Method.Label() || stored.TaskIndex != again.TaskIndex || !stored.Sites.Select(site => site.Site).SequenceEqual(again.Sites.Select(site => site.Site)))
            throw new ArgumentException($"The one state is {stored.Method.Label()} after {stored.TaskIndex} task(s), the other {again.Method.Label()} after {again.TaskIndex}, or their layers are not the same.", nameof(again));
        List<TensorDifference> differing = [];
        foreach (var (one, other) in stored.Sites.Zip(again.Sites))
        {
            foreach (var tensor in stored.Method.Layout(stored.Config, one.Site, stored.TaskIndex))
                if (Difference(one.Tensors[tensor.Name], other.Tensors[tensor.Name]) is var (largest, relative))
                    differing.Add(new TensorDifference(one.Site.Path, tensor.Name, largest, relative));
        }

        return differing;
    }

    /// <summary>Null: the same bits, so that two zeros of different sign are not the same and two equal NaN are.</summary>
    private static (double Largest, double Relative)? Difference(Tensor stored, Tensor again)
    {
        using var scope = NewDisposeScope();
        var (one, other) = (Plain(stored), Plain(again));
        if (TensorBytes.Parts(one).Zip(TensorBytes.Parts(other)).All(parts => parts.First.bytes.SequenceEqual(parts.Second.bytes))) return null;
        var largest = other.to(Precision.Merge).sub(one.to(Precision.Merge)).abs().max().item<double>();
        var magnitude = one.abs().max().item<float>() is var before and > 0 ? before : other.abs().max().item<float>();
        // What is not finite has no distance: it is as far as can be written down.
        return double.IsFinite(largest) ? (largest, largest == 0 ? 0 : largest / magnitude) : (double.MaxValue, double.MaxValue);
    }

    private static Tensor Plain(Tensor tensor) => tensor.detach().cpu().contiguous();
}
