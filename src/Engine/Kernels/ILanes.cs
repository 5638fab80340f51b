using System.Runtime.Intrinsics;

namespace ContinualService.Engine.Kernels;

/// <summary>Float32 numbers side by side in one register: what the kernels are written in, so that one text serves every width.</summary>
/// <typeparam name="TVector">The register.</typeparam>
internal unsafe interface ILanes<TVector>
{
    /// <summary>Numbers in a register.</summary>
    static abstract int Count { get; }

    static abstract TVector Load(float* from);

    static abstract void Store(TVector values, float* to);

    static abstract TVector Fill(float value);

    /// <summary>a * b + sum, rounded once where the processor can.</summary>
    static abstract TVector MultiplyAdd(TVector a, TVector b, TVector sum);

    static abstract TVector Multiply(TVector a, TVector b);

    static abstract TVector Divide(TVector a, TVector b);

    /// <summary>e to the power of -x.</summary>
    static abstract TVector ExpNegative(TVector x);

    /// <summary>All of them added up.</summary>
    static abstract float Sum(TVector values);
}

/// <summary>AVX-512.</summary>
internal unsafe readonly struct Lanes512 : ILanes<Vector512<float>>
{
    public static int Count => Vector512<float>.Count;

    public static Vector512<float> Load(float* from) => Vector512.Load(from);

    public static void Store(Vector512<float> values, float* to) => values.Store(to);

    public static Vector512<float> Fill(float value) => Vector512.Create(value);

    public static Vector512<float> MultiplyAdd(Vector512<float> a, Vector512<float> b, Vector512<float> sum) => Vector512.MultiplyAddEstimate(a, b, sum);

    public static Vector512<float> Multiply(Vector512<float> a, Vector512<float> b) => a * b;

    public static Vector512<float> Divide(Vector512<float> a, Vector512<float> b) => a / b;

    public static Vector512<float> ExpNegative(Vector512<float> x) => Vector512.Exp(-x);

    public static float Sum(Vector512<float> values) => Vector512.Sum(values);
}

/// <summary>AVX2; without it, what the runtime makes of it.</summary>
internal unsafe readonly struct Lanes256 : ILanes<Vector256<float>>
{
    public static int Count => Vector256<float>.Count;

    public static Vector256<float> Load(float* from) => Vector256.Load(from);

    public static void Store(Vector256<float> values, float* to) => values.Store(to);

    public static Vector256<float> Fill(float value) => Vector256.Create(value);

    public static Vector256<float> MultiplyAdd(Vector256<float> a, Vector256<float> b, Vector256<float> sum) => Vector256.MultiplyAddEstimate(a, b, sum);

    public static Vector256<float> Multiply(Vector256<float> a, Vector256<float> b) => a * b;

    public static Vector256<float> Divide(Vector256<float> a, Vector256<float> b) => a / b;

    public static Vector256<float> ExpNegative(Vector256<float> x) => Vector256.Exp(-x);

    public static float Sum(Vector256<float> values) => Vector256.Sum(values);
}
