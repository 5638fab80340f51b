using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ContinualService.Engine.Kernels;

/// <summary>Float32 numbers side by side in one register: what the kernels are written in, so that one text serves every width.</summary>
/// <typeparam name="TVector">The register.</typeparam>
internal unsafe interface ILanes<TVector>
{
    /// <summary>Numbers in a register.</summary>
    static abstract int Count { get; }

    static abstract TVector Load(float* from);

    /// <summary>Of numbers in bfloat16.</summary>
    static abstract TVector Load(ushort* from);

    static abstract void Store(TVector values, float* to);

    /// <summary>As the nearest numbers in bfloat16, the even one of two; what is no number stays none.</summary>
    static abstract void Store(TVector values, ushort* to);

    static abstract TVector Fill(float value);

    /// <summary>a * b + sum, rounded once where the processor can.</summary>
    static abstract TVector MultiplyAdd(TVector a, TVector b, TVector sum);

    static abstract TVector Add(TVector a, TVector b);

    static abstract TVector Multiply(TVector a, TVector b);

    static abstract TVector Divide(TVector a, TVector b);

    /// <summary>The smaller one; where either is no number, b.</summary>
    static abstract TVector Min(TVector a, TVector b);

    /// <summary>The larger one; where either is no number, b.</summary>
    static abstract TVector Max(TVector a, TVector b);

    /// <summary>Values, and 0 where x is less than <paramref name="least"/>.</summary>
    static abstract TVector ZeroBelow(TVector values, TVector x, TVector least);

    /// <summary>Values times 2 to the power of the whole number that the lowest bits of <paramref name="shifted"/> are, as long as the result's exponent is one that there is.</summary>
    static abstract TVector AddToExponent(TVector values, TVector shifted);

    /// <summary>All of them added up.</summary>
    static abstract float Sum(TVector values);

    /// <summary>The largest one; no number where the last is none.</summary>
    static abstract float Largest(TVector values);
}

/// <summary>AVX-512.</summary>
internal unsafe readonly struct Lanes512 : ILanes<Vector512<float>>
{
    public static int Count => Vector512<float>.Count;

    public static Vector512<float> Load(float* from) => Vector512.Load(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(ushort* from)
    {
        if (Avx512F.IsSupported) return (Avx512F.ConvertToVector512UInt32(Vector256.Load(from)) << 16).AsSingle();
        var (lower, upper) = Vector256.Widen(Vector256.Load(from));
        return (Vector512.Create(lower, upper) << 16).AsSingle();
    }

    public static void Store(Vector512<float> values, float* to) => values.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> values, ushort* to)
    {
        var bits = values.AsUInt32();
        var rounded = bits + Vector512.Create(0x7FFFu) + ((bits >> 16) & Vector512<uint>.One);
        var kept = Vector512.ConditionalSelect(Vector512.Equals(values, values).AsUInt32(), rounded, Vector512.Create(0x7FC00000u)) >> 16;
        if (Avx512F.IsSupported)
        {
            Avx512F.ConvertToVector256UInt16(kept).Store(to);
            return;
        }

        Vector256.Narrow(kept.GetLower(), kept.GetUpper()).Store(to);
    }

    public static Vector512<float> Fill(float value) => Vector512.Create(value);

    public static Vector512<float> MultiplyAdd(Vector512<float> a, Vector512<float> b, Vector512<float> sum) => Vector512.MultiplyAddEstimate(a, b, sum);

    public static Vector512<float> Add(Vector512<float> a, Vector512<float> b) => a + b;

    public static Vector512<float> Multiply(Vector512<float> a, Vector512<float> b) => a * b;

    public static Vector512<float> Divide(Vector512<float> a, Vector512<float> b) => a / b;

    public static Vector512<float> Min(Vector512<float> a, Vector512<float> b) => Vector512.MinNative(a, b);

    public static Vector512<float> Max(Vector512<float> a, Vector512<float> b) => Vector512.MaxNative(a, b);

    public static Vector512<float> ZeroBelow(Vector512<float> values, Vector512<float> x, Vector512<float> least) => Vector512.ConditionalSelect(Vector512.LessThan(x, least), Vector512<float>.Zero, values);

    public static Vector512<float> AddToExponent(Vector512<float> values, Vector512<float> shifted) => (values.AsInt32() + (shifted.AsInt32() << 23)).AsSingle();

    public static float Sum(Vector512<float> values) => Vector512.Sum(values);

    public static float Largest(Vector512<float> values) => Lanes256.Largest(Vector256.MaxNative(values.GetLower(), values.GetUpper()));
}

/// <summary>AVX2; without it, what the runtime makes of it.</summary>
internal unsafe readonly struct Lanes256 : ILanes<Vector256<float>>
{
    public static int Count => Vector256<float>.Count;

    public static Vector256<float> Load(float* from) => Vector256.Load(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(ushort* from)
    {
        if (Avx2.IsSupported) return (Avx2.ConvertToVector256Int32(Vector128.Load(from)) << 16).AsSingle();
        var (lower, upper) = Vector128.Widen(Vector128.Load(from));
        return (Vector256.Create(lower, upper) << 16).AsSingle();
    }

    public static void Store(Vector256<float> values, float* to) => values.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> values, ushort* to)
    {
        var bits = values.AsUInt32();
        var rounded = bits + Vector256.Create(0x7FFFu) + ((bits >> 16) & Vector256<uint>.One);
        var kept = Vector256.ConditionalSelect(Vector256.Equals(values, values).AsUInt32(), rounded, Vector256.Create(0x7FC00000u)) >> 16;
        Vector128.Narrow(kept.GetLower(), kept.GetUpper()).Store(to);
    }

    public static Vector256<float> Fill(float value) => Vector256.Create(value);

    public static Vector256<float> MultiplyAdd(Vector256<float> a, Vector256<float> b, Vector256<float> sum) => Vector256.MultiplyAddEstimate(a, b, sum);

    public static Vector256<float> Add(Vector256<float> a, Vector256<float> b) => a + b;

    public static Vector256<float> Multiply(Vector256<float> a, Vector256<float> b) => a * b;

    public static Vector256<float> Divide(Vector256<float> a, Vector256<float> b) => a / b;

    public static Vector256<float> Min(Vector256<float> a, Vector256<float> b) => Vector256.MinNative(a, b);

    public static Vector256<float> Max(Vector256<float> a, Vector256<float> b) => Vector256.MaxNative(a, b);

    public static Vector256<float> ZeroBelow(Vector256<float> values, Vector256<float> x, Vector256<float> least) => Vector256.ConditionalSelect(Vector256.LessThan(x, least), Vector256<float>.Zero, values);

    public static Vector256<float> AddToExponent(Vector256<float> values, Vector256<float> shifted) => (values.AsInt32() + (shifted.AsInt32() << 23)).AsSingle();

    public static float Sum(Vector256<float> values) => Vector256.Sum(values);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(Vector256<float> values)
    {
        var four = Vector128.MaxNative(values.GetLower(), values.GetUpper());
        var two = Vector128.MaxNative(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 2, 3)));
        return Vector128.MaxNative(two, Vector128.Shuffle(two, Vector128.Create(1, 1, 1, 1))).ToScalar();
    }
}

/// <summary>One number: for what does not fill a register.</summary>
internal unsafe readonly struct OneLane : ILanes<float>
{
    public static int Count => 1;

    public static float Load(float* from) => *from;

    public static float Load(ushort* from) => BitConverter.UInt32BitsToSingle((uint)*from << 16);

    public static void Store(float values, float* to) => *to = values;

    public static void Store(float values, ushort* to)
    {
        var bits = BitConverter.SingleToUInt32Bits(values);
        *to = (ushort)((float.IsNaN(values) ? 0x7FC00000u : bits + 0x7FFFu + ((bits >> 16) & 1)) >> 16);
    }

    public static float Fill(float value) => value;

    public static float MultiplyAdd(float a, float b, float sum) => float.MultiplyAddEstimate(a, b, sum);

    public static float Add(float a, float b) => a + b;

    public static float Multiply(float a, float b) => a * b;

    public static float Divide(float a, float b) => a / b;

    public static float Min(float a, float b) => float.MinNative(a, b);

    public static float Max(float a, float b) => float.MaxNative(a, b);

    public static float ZeroBelow(float values, float x, float least) => x < least ? 0 : values;

    public static float AddToExponent(float values, float shifted) => BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(values) + (BitConverter.SingleToInt32Bits(shifted) << 23));

    public static float Sum(float values) => values;

    public static float Largest(float values) => values;
}
