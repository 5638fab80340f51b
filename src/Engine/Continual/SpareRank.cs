using ContinualService.Domain.Forecasts;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>How many of its directions an adapter uses, layer by layer.</summary>
public static class SpareRank
{
    // Below this part of the largest a singular value is what float32 rounds.
    private const double Negligible = 1e-7;

    public static IReadOnlyList<LayerRank> Of(LoraWeights head) => [.. head.Pairs.Select(Of)];

    private static LayerRank Of(LoraPair pair)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var rank = (int)pair.A.shape[0];
        var svd = LowRank.Of(pair.B.detach().to(CPU).to(Precision.Merge), pair.A.detach().to(CPU).to(Precision.Merge));
        var values = svd.S.Where(value => value > Negligible * svd.S[0]).ToList();
        if (values.Count == 0) return new LayerRank(pair.Site.Path, rank, 0, 0, 0);
        var sum = values.Sum();
        var entropy = -values.Sum(value => value / sum * Math.Log(value / sum));
        return new LayerRank(pair.Site.Path, rank, Math.Exp(entropy), values.Sum(value => value * value) / (values[0] * values[0]), pair.Scale * svd.Norm);
    }
}
