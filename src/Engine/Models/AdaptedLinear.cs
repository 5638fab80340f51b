using ContinualService.Engine.Kernels;
using ContinualService.Engine.Lora;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>y = x W^T + b + update.</summary>
internal static class AdaptedLinear
{
    /// <summary><paramref name="x"/> [N, in] to [N, out]. Belongs to the caller's dispose scope.</summary>
    public static Tensor Apply(Tensor x, DecoderLinear layer, LinearUpdate? update)
    {
        var y = ProductKernels.Linear(x, layer.Weight, layer.Bias); // [N, out]
        return update is null ? y : update.AddTo(y, x, layer.Site);
    }

    /// <summary>Adds to the gradients of what is trained in the update, given that of y.</summary>
    /// <param name="gradient">[N, out].</param>
    /// <param name="x">[N, in], the layer's input.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="update">What is added to it.</param>
    /// <param name="sum">[N, in]: gradients of x from other layers, to which this one's is added in place; null: there are none yet.</param>
    /// <param name="reaches">Whether anybody asks for the gradient of x.</param>
    /// <returns>The gradient of x so far, in the caller's dispose scope; null where nobody asks.</returns>
    public static Tensor? Backward(Tensor gradient, Tensor x, DecoderLinear layer, LinearUpdate update, Tensor? sum, bool reaches)
    {
        var input = reaches ? ProductKernels.LinearBack(gradient, layer.Weight, sum) : null;
        update.Backward(gradient, x, layer.Site, input);
        return input;
    }
}
