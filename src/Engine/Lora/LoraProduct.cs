using ContinualService.Engine.Kernels;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace ContinualService.Engine.Lora;

/// <summary>scale * x A^T B^T of one pair, and its gradients. The masters stay float32; products run in the activations' type.</summary>
internal static class LoraProduct
{
    /// <summary>x A^T, [N, in] to [N, R].</summary>
    public static Tensor Down(LoraPair pair, Tensor x) => linear(x, pair.A.As(x.dtype));

    /// <summary>Adds scale * <paramref name="down"/> B^T to <paramref name="y"/> [N, out], in place: the layer's own product is needed by nobody else, and its backward pass does not look at it.</summary>
    public static Tensor AddUp(LoraPair pair, Tensor down, Tensor y) => y.addmm_(down, Rows(pair.B, y.dtype), 1, (float)pair.Scale);

    /// <summary>
    /// Adds to the gradients of A and B where these are trained, given <paramref name="gradient"/> [N, out] of the sum, and to <paramref name="inputGradient"/> [N, in] where there is one. To be called
    /// without a graph.
    /// </summary>
    public static void Backward(LoraPair pair, Tensor gradient, Tensor x, Tensor? inputGradient)
    {
        using var scope = NewDisposeScope();
        using Scalar scale = pair.Scale;
        var low = linear(gradient, Rows(pair.B, x.dtype)).mul_(scale); // [N, R]: the gradient of x A^T
        // [R, out], then turned: on a CPU the product that gives [out, R] takes eight times as long.
        if (pair.B.requires_grad) Accumulate(pair.B, Down(pair, x).t().mm(gradient).t(), scale);
        if (pair.A.requires_grad) Accumulate(pair.A, low.t().mm(x), Scalars.One);
        inputGradient?.addmm_(low, pair.A.As(x.dtype));
    }

    /// <summary>B^T, [R, out], its rows one after another: with a view of B's columns the products of a backward pass take two to eight times as long on a CPU.</summary>
    private static Tensor Rows(Tensor b, ScalarType dtype) => b.As(dtype).t().contiguous();

    private static void Accumulate(Tensor leaf, Tensor gradient, Scalar factor)
    {
        if (leaf.grad is { } sum) sum.add_(gradient, factor);
        else leaf.grad = gradient.mul(factor).to(leaf.dtype).contiguous().DetachFromDisposeScope();
    }
}
