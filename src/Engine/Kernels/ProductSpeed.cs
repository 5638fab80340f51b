using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Kernels;

/// <summary>What processors say of themselves does not tell whether they gain by a type: some have instructions for bfloat16 and are slower with them than in float32 (docs/performance.md). Measured as layers are computed.</summary>
public static class ProductSpeed
{
    private const int Rounds = 6;

    /// <summary>How many times as fast as in float32 products as large as a layer's are in <paramref name="type"/> on this CPU with as many threads as libtorch takes now: each type's best of some, in some tens of milliseconds.</summary>
    public static double Relative(ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (tokens, weights) = (ones(256, 1024), ones(1024, 1024));
        Tensor[] wide = [tokens, weights], narrow = [tokens.to(type), weights.to(type)];
        var (inFloat32, inType) = (TimeSpan.MaxValue, TimeSpan.MaxValue);
        // In turn: whoever else uses the machine slows both.
        for (var round = 0; round < Rounds; round++) (inFloat32, inType) = (Shorter(inFloat32, wide), Shorter(inType, narrow));
        return inFloat32 / inType;
    }

    private static TimeSpan Shorter(TimeSpan shortest, Tensor[] factors)
    {
        var start = Stopwatch.GetTimestamp();
        using var product = ProductKernels.Linear(factors[0], factors[1], null);
        var taken = Stopwatch.GetElapsedTime(start);
        return taken < shortest ? taken : shortest;
    }
}
