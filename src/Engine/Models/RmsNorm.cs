using ContinualService.Engine.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

internal static class RmsNorm
{
    /// <summary>x / rms(x) * weight over the last dimension; the result has x's dtype. Belongs to the caller's dispose scope.</summary>
    public static Tensor Apply(Tensor x, Tensor weight, double epsilon)
    {
        // A fifth of the time of what follows (docs/performance.md).
        if (x.device_type == DeviceType.CUDA) return ScriptedOperators.RmsNorm(x, weight, epsilon);

        // fp32: bf16 loses the small variances.
        var wide = x.to(float32);
        using Scalar least = epsilon;
        var normed = wide.mul(wide.mul(wide).mean([-1], keepdim: true).add(least).rsqrt());
        return normed.to(x.dtype).mul(weight);
    }
}
