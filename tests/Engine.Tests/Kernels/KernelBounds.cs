using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Kernels;

/// <summary>How far a kernel's numbers may be from exact ones.</summary>
internal static class KernelBounds
{
    private const double Rounding = 1.0 / (1 << 24); // of one float32 operation, relative

    public static Tensor Random(long seed, params long[] shape)
    {
        using var generator = new Generator((ulong)seed, CPU);
        return randn(shape, float32, CPU, generator: generator);
    }

    /// <summary>Of a few operations in float32, <paramref name="terms"/> of them one after another on numbers as large as <paramref name="sizes"/>, rounded once to the result's type.</summary>
    public static void AssertWithin(Tensor expected, Tensor actual, Tensor sizes, int terms)
    {
        var stored = actual.dtype == bfloat16 ? 1.0 / (1 << 8) : Rounding;
        Assert.Equal(expected.shape, actual.shape);
        var allowed = expected.abs() * stored + sizes.abs() * ((terms + 1) * Rounding) + 1e-35; // where float32 ends, and with it e to some power
        var wrong = (expected - actual.to(float64)).abs().le(allowed).logical_not();
        Assert.False(wrong.any().item<bool>(), $"Further from the exact result than its type allows: {string.Join(", ", actual.to(float64).masked_select(wrong).data<double>().ToArray().Take(5))} in place of {string.Join(", ", expected.masked_select(wrong).data<double>().ToArray().Take(5))}.");
    }

    public static byte[] Bits(Tensor tensor) => tensor.contiguous().bytes.ToArray();
}
