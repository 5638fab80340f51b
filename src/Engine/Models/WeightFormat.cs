using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>How a matrix is written in fewer bits, and read again.</summary>
internal abstract class WeightFormat
{
    public static WeightFormat Of(BaseFormat format) => format switch
    {
        BaseFormat.Full or BaseFormat.Bfloat16 => new FullFormat(),
        BaseFormat.Int8 => new Int8Rows(),
        _ => new NormalFloat4(),
    };

    /// <summary>Bytes that a matrix of this shape takes.</summary>
    /// <param name="outFeatures">Rows.</param>
    /// <param name="inFeatures">Columns.</param>
    /// <param name="elementBytes">Of the numbers it is computed in.</param>
    public abstract long Bytes(long outFeatures, long inFeatures, long elementBytes);

    /// <summary>The parts that are kept of <paramref name="weight"/> [out, in], which is computed with as <paramref name="dtype"/>. Belong to the caller's dispose scope.</summary>
    public abstract Tensor[] Narrow(Tensor weight, ScalarType dtype);

    /// <summary>[out, in] of what <see cref="Narrow"/> kept. Belongs to the caller's dispose scope.</summary>
    public abstract Tensor Widen(Tensor[] parts, long[] shape, ScalarType dtype);

    private sealed class FullFormat : WeightFormat
    {
        public override long Bytes(long outFeatures, long inFeatures, long elementBytes) => outFeatures * inFeatures * elementBytes;

        // A file's numbers that are narrower than those computed with are widened as exactly later as now.
        public override Tensor[] Narrow(Tensor weight, ScalarType dtype) => [weight.element_size() <= dtype.ElementSize() ? weight : weight.to(dtype)];

        public override Tensor Widen(Tensor[] parts, long[] shape, ScalarType dtype) => parts[0].to(dtype);
    }
}
