using ContinualService.Engine.Lora;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>How two sets of served weights over one base differ, layer by layer: in float64, from the thin factors alone; no [out, in] matrix is made.</summary>
public static class LoraDifference
{
    /// <summary>In the model's order; a layer that only one of them adapts counts as zero in the other.</summary>
    public static IReadOnlyList<LayerDifference> Of(LoraWeights first, LoraWeights second)
    {
        var sites = first.Pairs.Concat(second.Pairs).Select(pair => pair.Site).DistinctBy(site => site.Index).OrderBy(site => site.Index);
        return [.. sites.Select(site => Of(site.Path, first.At(site.Index), second.At(site.Index)))];
    }

    private static LayerDifference Of(string layer, LoraPair? first, LoraPair? second)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (one, other) = (first is null ? null : Factors.Of(first), second is null ? null : Factors.Of(second));
        var apart = one is null ? other!.Norm : other is null ? one.Norm : one.SameAs(other) ? 0
            // [B2, -B1] [A2; A1]: the norm of a product, not the difference of two norms, so that nothing cancels.
            : LowRank.Of(cat([other.B, one.B.neg()], 1), cat([other.A, one.A], 0)).Norm;
        return new LayerDifference(
            layer, one?.Norm ?? 0, other?.Norm ?? 0, apart,
            one is null || other is null ? [] : RowSpace.Angles(one.A, other.A), one is null || other is null ? [] : RowSpace.Angles(one.B.t(), other.B.t()));
    }

    /// <param name="A">float64 [R, in].</param>
    /// <param name="B">float64 [out, R], with the scale in it.</param>
    private sealed record Factors(Tensor A, Tensor B)
    {
        public double Norm => LowRank.Of(B, A).Norm;

        public static Factors Of(LoraPair pair) => new(pair.A.detach().cpu().to(Precision.Merge), pair.B.detach().cpu().to(Precision.Merge).mul(pair.Scale));

        public bool SameAs(Factors other) => A.shape.SequenceEqual(other.A.shape) && A.Equals(other.A) && B.Equals(other.B);
    }
}
