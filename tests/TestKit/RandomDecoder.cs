using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.TestKit;

/// <summary>Decoders of any size with random weights, made where they are to be: the large ones would take minutes on a CPU.</summary>
public static class RandomDecoder
{
    private const double Spread = 0.02;

    /// <summary>Matrices normal(0, 0.02), norms 1, biases 0. Seeds the whole process's generators, the device's among them: for benchmarks, not beside a training.</summary>
    public static Decoder Create(ModelConfig config, Device device, ScalarType dtype, BaseHolding? holding = null)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        manual_seed(1);
        var weights = new BaseWeights(config, holding ?? BaseHolding.Resident, device, dtype);
        foreach (var (name, shape) in DecoderLayout.Shapes(config))
        {
            using var weight = Weight(name, shape);
            weights.Add(name, weight);
        }

        return new Decoder(config, weights);

        Tensor Weight(string name, long[] shape) =>
            name.EndsWith("norm.weight", StringComparison.Ordinal) ? ones(shape, dtype, device)
            : name.EndsWith(".bias", StringComparison.Ordinal) ? zeros(shape, dtype, device)
            : empty(shape, dtype, device).normal_(0, Spread);
    }
}
