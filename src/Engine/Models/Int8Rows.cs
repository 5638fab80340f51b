using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>
/// Whole numbers from -127 to 127 times a float32 scale for each output row, the row's largest absolute value over 127: a weight is off by at most half a scale. Dettmers et al. 2022, "LLM.int8()",
/// arXiv 2208.07339, section 2 (absmax, vector-wise); activations stay as they are here, so that no outliers of theirs are to be kept apart.
/// </summary>
internal sealed class Int8Rows : WeightFormat
{
    private const float Largest = 127;

    // For a row of zeros, which must not be divided by 0.
    private const float Least = 1e-30f;

    public override long Bytes(long outFeatures, long inFeatures, long elementBytes) => outFeatures * (inFeatures + sizeof(float));

    public override Tensor[] Narrow(Tensor weight, ScalarType dtype)
    {
        var wide = weight.to(float32);
        var scales = wide.abs().amax([1], keepdim: true).clamp_min(Least).div_(Largest); // [out, 1]
        return [wide.div(scales).round_().to(int8), scales];
    }

    public override Tensor Widen(Tensor[] parts, long[] shape, ScalarType dtype) => parts[0].to(float32).mul_(parts[1]).to(dtype);
}
