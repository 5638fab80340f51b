using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Kernels;

internal static class TensorCasts
{
    /// <summary>The values as <paramref name="type"/>: the tensor itself where it has that type, and no second name for it, which would be one more object in every layer of every step.</summary>
    public static Tensor As(this Tensor values, ScalarType type) => values.dtype == type ? values : values.to(type);
}
