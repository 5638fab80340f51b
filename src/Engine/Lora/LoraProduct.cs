using ContinualService.Engine.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Lora;

/// <summary>
/// scale * x A^T B^T of one pair, and its gradients. The masters stay float32. On a CPU, where no graph is recorded, kernels compute it with these; elsewhere products run in the activations' type, and what has R numbers for each
/// token lies in memory as [R, N].
/// </summary>
internal static class LoraProduct
{
    private static readonly Tensor Nobody = empty(0).DetachFromDisposeScope();

    /// <summary>Adds the product of <paramref name="x"/> [N, in] to <paramref name="y"/> [N, out], in place. What it returns is y.</summary>
    public static Tensor Add(LoraPair pair, Tensor x, Tensor y)
    {
        if (!LowRankKernels.Take(pair.A, pair.B, x)) return AddUp(pair, Down(pair, x), y);
        LowRankKernels.Add(pair.A, pair.B, pair.Scale, x, y);
        return y;
    }

    /// <summary>x A^T, [N, in] to [N, R].</summary>
    public static Tensor Down(LoraPair pair, Tensor x) => pair.A.As(x.dtype).mm(x.t()).t();

    /// <summary>Adds scale * <paramref name="down"/> B^T to <paramref name="y"/> [N, out], in place: the layer's own product is needed by nobody else, and its backward pass does not look at it.</summary>
    public static Tensor AddUp(LoraPair pair, Tensor down, Tensor y) => y.addmm_(down, pair.B.As(y.dtype).t(), 1, (float)pair.Scale);

    /// <summary>
    /// Adds to the gradients of A and B where these are trained, given <paramref name="gradient"/> [N, out] of the sum, and to <paramref name="inputGradient"/> [N, in] where there is one. To be called
    /// without a graph.
    /// </summary>
    public static void Backward(LoraPair pair, Tensor gradient, Tensor x, Tensor? inputGradient)
    {
        var (sumA, sumB) = (pair.GradientOfA ?? Sum(pair.A), pair.GradientOfB ?? Sum(pair.B));
        if (LowRankKernels.Take(pair.A, pair.B, x)) LowRankKernels.Backward(pair.A, pair.B, pair.Scale, gradient, x, sumA, sumB, inputGradient);
        else ScriptedOperators.LoraBackward(pair.A, pair.B, pair.Scale, gradient, x, sumA ?? Nobody, sumB ?? Nobody, inputGradient ?? Nobody);
    }

    private static Tensor? Sum(Tensor leaf) => !leaf.requires_grad ? null : leaf.grad ?? (leaf.grad = zeros_like(leaf).DetachFromDisposeScope());
}
