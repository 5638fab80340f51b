using ContinualService.Engine.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Lora;

/// <summary>
/// scale * x A^T B^T of one pair, and its gradients. The masters stay float32; products run in the activations' type. What has R numbers for each token lies in memory as [R, N]: the products that make it and those that
/// take it are up to twice as quick on a CPU (docs/performance.md).
/// </summary>
internal static class LoraProduct
{
    private static readonly Tensor Nobody = empty(0).DetachFromDisposeScope();

    /// <summary>x A^T, [N, in] to [N, R].</summary>
    public static Tensor Down(LoraPair pair, Tensor x) => pair.A.As(x.dtype).mm(x.t()).t();

    /// <summary>Adds scale * <paramref name="down"/> B^T to <paramref name="y"/> [N, out], in place: the layer's own product is needed by nobody else, and its backward pass does not look at it.</summary>
    public static Tensor AddUp(LoraPair pair, Tensor down, Tensor y) => y.addmm_(down, pair.B.As(y.dtype).t(), 1, (float)pair.Scale);

    /// <summary>
    /// Adds to the gradients of A and B where these are trained, given <paramref name="gradient"/> [N, out] of the sum, and to <paramref name="inputGradient"/> [N, in] where there is one. To be called
    /// without a graph.
    /// </summary>
    public static void Backward(LoraPair pair, Tensor gradient, Tensor x, Tensor? inputGradient) =>
        ScriptedOperators.LoraBackward(pair.A, pair.B, pair.Scale, gradient, x, Sum(pair.A), Sum(pair.B), inputGradient ?? Nobody);

    private static Tensor Sum(Tensor leaf) => !leaf.requires_grad ? Nobody : leaf.grad ?? (leaf.grad = zeros_like(leaf).DetachFromDisposeScope());
}
