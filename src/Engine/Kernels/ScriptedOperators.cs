using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Kernels;

/// <summary>
/// Operators of libtorch that TorchSharp does not wrap, reached through TorchScript, with their own backward passes. They pay on a GPU, where each plain operator
/// goes through memory once more; on a CPU libtorch has nothing better than the plain ones.
/// </summary>
internal static class ScriptedOperators
{
    // An error in this text ends the process: it is constant, and a test calls each of its functions.
    private const string Source = """
        def rms_norm(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
            return torch.rms_norm(x, [x.size(-1)], weight, epsilon)

        def grouped_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            return torch.scaled_dot_product_attention(query, key, value, None, 0.0, True, scale=None, enable_gqa=True)

        """;

    private static readonly Lazy<jit.CompilationUnit> Unit = new(() => jit.compile(Source));

    /// <summary>x / rms(x) * weight over the last dimension, computed in float32 and rounded once. Belongs to the caller's dispose scope.</summary>
    public static Tensor RmsNorm(Tensor x, Tensor weight, double epsilon) => Unit.Value.invoke<Tensor>("rms_norm", x, weight, epsilon);

    /// <summary>Causal attention of <paramref name="query"/> [B, H, T, K] to <paramref name="key"/> and <paramref name="value"/> [B, G, T, K], which are not copied for each query head.</summary>
    public static Tensor GroupedAttention(Tensor query, Tensor key, Tensor value) => Unit.Value.invoke<Tensor>("grouped_attention", query, key, value);
}
