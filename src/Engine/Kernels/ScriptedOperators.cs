using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Kernels;

/// <summary>
/// Operators of libtorch that TorchSharp does not wrap, reached through TorchScript, with their own backward passes. They pay on a GPU, where each plain operator
/// goes through memory once more; on a CPU libtorch has nothing better than the plain ones. And what is made of many operators, for which a call is one object. Numbers are passed as held scalars
/// (<see cref="Scalars"/>): one that TorchSharp makes of an argument can be freed before it is read.
/// </summary>
internal static class ScriptedOperators
{
    // An error in this text ends the process: it is constant, and a test calls each of its functions.
    private const string Source = """
        def rms_norm(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
            return torch.rms_norm(x, [x.size(-1)], weight, epsilon)

        def grouped_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            return torch.scaled_dot_product_attention(query, key, value, None, 0.0, True, scale=None, enable_gqa=True)

        def lora_backward(a: Tensor, b: Tensor, scale: float, gradient: Tensor, x: Tensor, sum_a: Tensor, sum_b: Tensor, sum_x: Tensor) -> Tensor:
            low = torch.mm(b.to(x.dtype).t(), gradient.t()).mul_(scale)
            if sum_b.numel() > 0:
                sum_b.add_(torch.mm(torch.mm(a.to(x.dtype), x.t()), gradient).t(), alpha=scale)
            if sum_a.numel() > 0:
                sum_a.add_(torch.mm(low, x))
            if sum_x.numel() > 0:
                sum_x.addmm_(low.t(), a.to(x.dtype))
            return low

        """;

    private static readonly Lazy<jit.CompilationUnit> Unit = new(() => jit.compile(Source));

    /// <summary>x / rms(x) * weight over the last dimension, computed in float32 and rounded once. Belongs to the caller's dispose scope.</summary>
    public static Tensor RmsNorm(Tensor x, Tensor weight, double epsilon)
    {
        using Scalar least = epsilon;
        return Unit.Value.invoke<Tensor>("rms_norm", x, weight, least);
    }

    /// <summary>Causal attention of <paramref name="query"/> [B, H, T, K] to <paramref name="key"/> and <paramref name="value"/> [B, G, T, K], which are not copied for each query head.</summary>
    public static Tensor GroupedAttention(Tensor query, Tensor key, Tensor value) => Unit.Value.invoke<Tensor>("grouped_attention", query, key, value);

    /// <summary>The gradients of scale * x A^T B^T, each added to what it is the share of, in place; nobody asks for one whose sum has no numbers. To be called without a graph.</summary>
    /// <param name="a">[R, in].</param>
    /// <param name="b">[out, R].</param>
    /// <param name="scale">Of the product.</param>
    /// <param name="gradient">[N, out]: that of the product.</param>
    /// <param name="x">[N, in].</param>
    /// <param name="sumA">[R, in] or [0].</param>
    /// <param name="sumB">[out, R] or [0].</param>
    /// <param name="sumX">[N, in] or [0].</param>
    public static void LoraBackward(Tensor a, Tensor b, double scale, Tensor gradient, Tensor x, Tensor sumA, Tensor sumB, Tensor sumX)
    {
        using Scalar factor = scale;
        Unit.Value.invoke<Tensor>("lora_backward", a, b, factor, gradient, x, sumA, sumB, sumX).Dispose();
    }
}
