using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>Spaces that the thin matrices of a LoRA span, in float64.</summary>
internal static class RowSpace
{
    // Rows of a float32 matrix are known no better than this part of the largest.
    private const double Negligible = 1e-6;

    /// <summary>Orthonormal columns [in, k] that span the rows of <paramref name="a"/> [R, in]; k is their rank, and less than R where rows depend on one another. In the caller's dispose scope.</summary>
    public static Tensor Basis(Tensor a)
    {
        var (u, s, _) = linalg.svd(a.detach().to(CPU).to(Precision.Merge).t(), fullMatrices: false); // [in, k], [k]
        var sizes = s.data<double>().ToArray();
        return u.narrow(1, 0, sizes.Count(size => size > Negligible * sizes[0]));
    }

    /// <summary>
    /// The principal angles between the rows of two matrices, in degrees, 0 to 90, the smallest first: as many as the smaller space has dimensions. The cosine tells nothing of an angle
    /// near 0 and the sine nothing of one near 90: each is taken where it is the better.
    /// </summary>
    public static double[] Angles(Tensor one, Tensor other)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (large, small) = (Basis(one), Basis(other)); // [in, k], [in, l]
        if (large.shape[1] < small.shape[1]) (large, small) = (small, large);
        var count = (int)small.shape[1];
        if (count == 0) return [];
        var overlap = large.t().mm(small); // [k, l], k >= l
        var cosines = linalg.svdvals(overlap).data<double>().ToArray();
        var sines = linalg.svdvals(small.sub(large.mm(overlap))).data<double>().Reverse().ToArray();
        return [.. Enumerable.Range(0, count).Select(index => (cosines[index] * cosines[index] < 0.5 ? Math.Acos(cosines[index]) : Math.Asin(Math.Min(1, sines[index]))) * 180 / Math.PI)];
    }

    /// <summary>The largest of <see cref="Angles"/>: where one spans fewer dimensions, how far it leans out of the other. Null where one spans nothing.</summary>
    public static double? LargestAngle(Tensor one, Tensor other) => Angles(one, other) is [.., var largest] ? largest : null;

    /// <summary>The largest angle over all layers, and the layer that has it; null where no layer has one.</summary>
    public static (double Degrees, LinearSite Layer)? LargestAngle(LoraWeights one, LoraWeights other)
    {
        (double Degrees, LinearSite Layer)? largest = null;
        foreach (var pair in one.Pairs)
        {
            if (other.At(pair.Site.Index) is not { } match || LargestAngle(pair.A, match.A) is not { } angle) continue;
            if (largest is null || angle > largest.Value.Degrees) largest = (angle, pair.Site);
        }

        return largest;
    }
}
