using System.Runtime.CompilerServices;

namespace ContinualService.Engine.Kernels;

/// <summary>What softmax and its like are made of, over float32 numbers that fill registers.</summary>
/// <remarks>The runtime's own e^x goes by way of float64, which takes three times as long (docs/performance.md).</remarks>
internal static unsafe class SoftmaxMath
{
    // Beyond it e^x, or its reciprocal, has no float32 of full precision.
    private const float Most = 87;

    /// <summary>Of x[from] to x[to - 1]; -infinity of none.</summary>
    public static float Largest<TV, TL>(float* x, int from, int to)
        where TV : struct
        where TL : struct, ILanes<TV>
    {
        var largest = TL.Fill(float.NegativeInfinity);
        for (var k = from; k < to; k += TL.Count) largest = TL.Max(largest, TL.Load(x + k));
        return TL.Largest(largest);
    }

    /// <summary>e to the power of x less the largest, in place, and their sum. What is less than e^-87 is 0: numbers so small are slow to compute with.</summary>
    public static float Exponents<TV, TL>(float* x, float largest, int from, int to)
        where TV : struct
        where TL : struct, ILanes<TV>
    {
        TV sum = default, less = TL.Fill(-largest), least = TL.Fill(-Most);
        for (var k = from; k < to; k += TL.Count)
        {
            var value = TL.Add(TL.Load(x + k), less);
            var power = TL.ZeroBelow(Power<TV, TL>(value), value, least);
            TL.Store(power, x + k);
            sum = TL.Add(sum, power);
        }

        return TL.Sum(sum);
    }

    public static void Multiply<TV, TL>(float* x, float factor, int from, int to)
        where TV : struct
        where TL : struct, ILanes<TV>
    {
        var all = TL.Fill(factor);
        for (var k = from; k < to; k += TL.Count) TL.Store(TL.Multiply(TL.Load(x + k), all), x + k);
    }

    /// <summary>e^x within a few units of the last place, from e^-87 to e^87, and these beyond; of what is no number none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Exp<TV, TL>(TV x)
        where TV : struct
        where TL : struct, ILanes<TV> => Power<TV, TL>(TL.Max(TL.Fill(-Most), TL.Min(TL.Fill(Most), x)));

    /// <summary>The same from e^-87 to e^87 alone; beyond it, anything.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TV Power<TV, TL>(TV x)
        where TV : struct
        where TL : struct, ILanes<TV>
    {
        // e^x = 2^n e^r with x = n ln 2 + r, |r| <= ln 2 / 2, where seven terms of Taylor's series leave 5e-9. A number as large as `shift` has no bits below 1: added to it, a number is rounded, and stands in the lowest bits.
        const float log2E = 1.44269504f, shift = 12_582_912, ln2High = 0.693359375f, ln2Low = -2.12194440e-4f; // ln2High has so few bits that n times it is exact
        var one = TL.Fill(1);
        var shifted = TL.MultiplyAdd(x, TL.Fill(log2E), TL.Fill(shift));
        var n = TL.Add(shifted, TL.Fill(-shift));
        var r = TL.MultiplyAdd(n, TL.Fill(-ln2Low), TL.MultiplyAdd(n, TL.Fill(-ln2High), x));
        var power = TL.MultiplyAdd(r, TL.Fill(1f / 5040), TL.Fill(1f / 720));
        power = TL.MultiplyAdd(power, r, TL.Fill(1f / 120));
        power = TL.MultiplyAdd(power, r, TL.Fill(1f / 24));
        power = TL.MultiplyAdd(power, r, TL.Fill(1f / 6));
        power = TL.MultiplyAdd(power, r, TL.Fill(1f / 2));
        power = TL.MultiplyAdd(power, r, one);
        power = TL.MultiplyAdd(power, r, one);
        return TL.AddToExponent(power, shifted);
    }
}
