using ContinualService.Engine.Lora;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>How two sets of served weights over one base differ, layer by layer: in float64, from the thin factors alone; no [out, in] matrix is made.</summary>
public static class LoraDifference
{
    // A direction whose singular value is this share of the largest is rounding of float32 factors, not part of the space.
    private const double LeastShare = 1e-6;

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
            one is null || other is null ? [] : Angles(one.A.t(), other.A.t()), one is null || other is null ? [] : Angles(one.B, other.B));
    }

    /// <summary>Between the column spaces of two matrices, in degrees, the smallest first.</summary>
    internal static double[] Angles(Tensor first, Tensor second)
    {
        var (one, other) = (Basis(first), Basis(second)); // [n, k], [n, l]
        if (one.shape[1] < other.shape[1]) (one, other) = (other, one);
        var count = (int)other.shape[1];
        if (count == 0) return [];
        var overlap = one.t().mm(other); // [k, l], k >= l
        // The cosine tells nothing of an angle near 0 and the sine nothing of one near 90 degrees: each is taken where it is the better.
        var cosines = linalg.svdvals(overlap).data<double>().ToArray();
        var sines = linalg.svdvals(other.sub(one.mm(overlap))).data<double>().Reverse().ToArray();
        return [.. Enumerable.Range(0, count).Select(index => (cosines[index] * cosines[index] < 0.5 ? Math.Acos(cosines[index]) : Math.Asin(Math.Min(1, sines[index]))) * 180 / Math.PI)];
    }

    // Rows that are 0, as a closed layer's, and dependent ones span nothing of their own.
    private static Tensor Basis(Tensor matrix)
    {
        var (u, s, _) = linalg.svd(matrix, fullMatrices: false);
        var values = s.data<double>().ToArray();
        return u.narrow(1, 0, values.Count(value => value > LeastShare * values[0]));
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
