using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace ContinualService.Engine.Lora;

/// <summary>One adapter for all tokens: scale * drop(x) A^T B^T (Hu et al. 2021), with dropout on the LoRA's input only, as PEFT has it.</summary>
internal sealed class LoraUpdate(LoraWeights weights, LoraDropout? dropout) : LinearUpdate
{
    public static LoraUpdate? Of(LoraWeights? weights, LoraDropout? dropout = null) => weights is null ? null : new LoraUpdate(weights, dropout);

    internal override Tensor AddTo(Tensor y, Tensor x, int site)
    {
        if (weights.At(site) is not { } pair) return y;
        // Masters stay float32; the product runs in the activations' dtype and gradients come back through the cast.
        var (a, b) = (pair.A.to(x.dtype), pair.B.to(x.dtype));
        var down = linear(dropout?.Apply(x) ?? x, a); // [N, R]
        // In place: the base product is needed by nobody else, and its backward does not look at it.
        return y.addmm_(down, b.t(), 1, (float)pair.Scale);
    }
}
