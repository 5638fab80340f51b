using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>The singular value decomposition U diag(S) V^T of a product B A of thin matrices, which is not computed itself. In the caller's dispose scope.</summary>
/// <param name="U">[out, K], orthonormal columns.</param>
/// <param name="S">K singular values, largest first.</param>
/// <param name="V">[in, K], orthonormal columns.</param>
internal sealed record LowRank(Tensor U, double[] S, Tensor V)
{
    /// <param name="b">float64 [out, R].</param>
    /// <param name="a">float64 [R, in].</param>
    public static LowRank Of(Tensor b, Tensor a)
    {
        var (leftQ, leftR) = linalg.qr(b); // [out, k], [k, R], k = min(out, R)
        var (rightQ, rightR) = linalg.qr(a.t()); // [in, l], [l, R]
        var (u, s, vt) = linalg.svd(leftR.mm(rightR.t()), fullMatrices: false); // of [k, l]
        return new LowRank(leftQ.mm(u), s.data<double>().ToArray(), rightQ.mm(vt.t()));
    }

    /// <summary>Frobenius norm.</summary>
    public double Norm => Math.Sqrt(S.Sum(value => value * value));

    /// <summary>The least number of leading singular values whose sum is <paramref name="share"/> of the sum of all; 0 where all are 0.</summary>
    public int RankOfShare(double share)
    {
        var (wanted, sum, count) = (share * S.Sum(), 0.0, 0);
        while (sum < wanted && count < S.Length) sum += S[count++];
        return count;
    }

    /// <summary>factor * this as B [out, R] and A [R, in], cut to its R largest singular values; further rows are 0. Both get the root of the singular values, so that neither is much larger.</summary>
    public (Tensor B, Tensor A) Pair(int rank, double factor)
    {
        var kept = Math.Min(rank, S.Length);
        var roots = tensor(S[..kept].Select(value => Math.Sqrt(factor * value)).ToArray()); // [kept]
        var (b, a) = (U.narrow(1, 0, kept).mul(roots), V.narrow(1, 0, kept).mul(roots).t()); // [out, kept], [kept, in]
        return kept == rank ? (b, a) : (nn.functional.pad(b, [0, rank - kept]), nn.functional.pad(a, [0, 0, 0, rank - kept]));
    }
}
