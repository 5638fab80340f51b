using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>Rows that span the same space as those of A and are orthonormal.</summary>
internal static class OrthonormalBasis
{
    /// <summary>
    /// Q^T of the reduced QR of A^T, each row with the sign of its entry on R's diagonal (0 counts as +), float32 [R, in] on A's device:
    /// A0 A0^T = I. The sign makes the result unique and keeps an A that is orthonormal already where it is.
    /// </summary>
    public static Tensor Of(Tensor a)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();

        // On the CPU whatever the device: one LAPACK, one result. float64: the signs of small diagonal entries must not be noise.
        var (q, r) = linalg.qr(a.detach().to(CPU).to(Precision.Merge).t()); // [in, R], [R, R]
        var diagonal = r.diagonal(); // [R]
        var signs = where(diagonal.lt(0), -ones_like(diagonal), ones_like(diagonal)); // [R]
        return (q * signs).t().contiguous().to(Precision.Master).to(a.device).MoveToOuterDisposeScope(); // [R, in]
    }
}
