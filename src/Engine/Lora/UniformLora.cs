using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Lora;

/// <summary>A LoRA with one rank and the scale alpha / rank on every layer: the shape that continual methods work on.</summary>
public static class UniformLora
{
    private const double SameScale = 1e-9;

    /// <summary>Computes the same: what rank stabilisation or a pattern of alphas adds to a layer's scale is multiplied into its B.</summary>
    /// <param name="config">The LoRA's own shape.</param>
    /// <param name="weights">Become the result's: dispose the result alone.</param>
    /// <returns>The new shape and weights, and whether any B is another than before.</returns>
    /// <exception cref="ModelFormatException">The layers have different ranks.</exception>
    public static (LoraConfig Config, LoraWeights Weights, bool Rescaled) Of(LoraConfig config, LoraWeights weights)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var ranks = weights.Pairs.Select(pair => (int)pair.A.shape[0]).Distinct().Order().ToList();
        if (ranks is not [var rank])
        {
            weights.Dispose();
            throw new ModelFormatException($"The layers have ranks {string.Join(", ", ranks)}; an adapter has one rank here. Resize the adapter to one rank, then send it again.");
        }

        // Without patterns every layer has one scale, and alpha alone can say it: B stays as it is.
        var scales = weights.Pairs.Select(pair => pair.Scale).Distinct().ToList();
        var alpha = scales is [var scale] ? scale * rank : config.Alpha;
        var rescaled = false;
        List<LoraPair> pairs = [.. weights.Pairs.Select(pair =>
        {
            var factor = pair.Scale / (alpha / rank);
            if (Math.Abs(factor - 1) <= SameScale) return pair with { Scale = alpha / rank };
            rescaled = true;
            var b = pair.B.mul(factor);
            pair.B.Dispose();
            return pair with { B = b, Scale = alpha / rank };
        })];
        return (new LoraConfig(rank, alpha, config.TargetModules) { Dropout = config.Dropout }, new LoraWeights(pairs), rescaled);
    }
}
