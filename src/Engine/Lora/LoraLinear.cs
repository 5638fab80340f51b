using ContinualService.Engine.Models;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace ContinualService.Engine.Lora;

/// <summary>y = x W^T + b + scale * drop(x) A^T B^T (Hu et al. 2021), with dropout on the LoRA's input only, as PEFT has it.</summary>
internal static class LoraLinear
{
    /// <summary><paramref name="x"/> [N, in] to [N, out]. Belongs to the caller's dispose scope.</summary>
    public static Tensor Apply(Tensor x, DecoderLinear layer, LoraWeights? lora, LoraDropout? dropout)
    {
        var y = linear(x, layer.Weight, layer.Bias); // [N, out]
        if (lora?.At(layer.Site) is not { } pair) return y;
        // Masters stay float32; the product runs in the activations' dtype and gradients come back through the cast.
        var (a, b) = (pair.A.to(x.dtype), pair.B.to(x.dtype));
        var down = linear(Drop(x, dropout), a); // [N, R]
        // In place: the base product is needed by nobody else, and its backward does not look at it.
        return y.addmm_(down, b.t(), 1, (float)pair.Scale);
    }

    private static Tensor Drop(Tensor x, LoraDropout? dropout)
    {
        if (dropout is null || dropout.Probability == 0) return x;
        var keep = rand(x.shape, float32, x.device, generator: dropout.Generator).ge(dropout.Probability);
        return x.mul(keep.to(x.dtype).div_(1 - dropout.Probability));
    }
}
