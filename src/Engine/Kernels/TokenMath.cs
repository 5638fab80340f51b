using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Kernels;

/// <summary>
/// What is done to each token by itself, and its gradients, over plain memory: numbers of one type, computed with in float32 and rounded once. Where a result is said to take the place of an argument, both may be the same memory.
/// </summary>
internal abstract unsafe class TokenMath
{
    private static readonly TokenMath Float32 = OfWidth<float>();
    private static readonly TokenMath BFloat16 = OfWidth<ushort>();

    /// <summary>For numbers of this type, in the widest registers that this processor is quick with; null: there is none for them.</summary>
    public static TokenMath? Of(ScalarType type) => TokenNumbers.Choose(type, Float32, BFloat16);

    /// <summary>Bytes of a number.</summary>
    public abstract int Size { get; }

    /// <summary>x / rms(x) * weight, each [width], to <paramref name="to"/>, which may take the place of x.</summary>
    public abstract void Norm(void* x, void* weight, void* to, int width, float epsilon);

    /// <summary>The gradient of x of <see cref="Norm"/>, given that of its result, plus <paramref name="sum"/> unless null, each [width], to <paramref name="to"/>, which may take the place of the gradient or of the sum.</summary>
    public abstract void NormGradient(void* x, void* weight, void* gradient, void* sum, void* to, int width, float epsilon);

    /// <summary>
    /// Turns the pairs (i, i + half) of x [2 half] by the angles whose cos and sin, each float32 [half], are given: to <paramref name="to"/>, which may take the place of x. <paramref name="direction"/> -1 turns back, which takes
    /// a gradient back.
    /// </summary>
    public abstract void Turn(void* x, float* cos, float* sin, float direction, void* to, int half);

    /// <summary>y + x, each [width], in place.</summary>
    public abstract void Add(void* y, void* x, int width);

    /// <summary>silu(gate) * up, each [width], to <paramref name="to"/>, which may take the place of gate.</summary>
    public abstract void Gate(void* gate, void* up, void* to, int width);

    /// <summary>The gradient of gate and, in place of <paramref name="gradient"/>, that of up, given that of what <see cref="Gate"/> makes, each [width].</summary>
    public abstract void GateGradient(void* gate, void* up, void* gradient, void* gateGradient, int width);

    /// <summary>Cross-entropy of one token: -log softmax(logits)[target], and in place of <paramref name="logits"/> [width], which are float32 whatever the tokens' type is, its gradient times <paramref name="scale"/>.</summary>
    public abstract double CrossEntropy(float* logits, int target, float scale, int width);

    private static TokenMath OfWidth<TNumber>()
        where TNumber : unmanaged =>
        Vector512.IsHardwareAccelerated ? new TokenMath<Vector512<float>, Lanes512, TNumber>() : new TokenMath<Vector256<float>, Lanes256, TNumber>();
}

/// <summary>The same in registers of one width. Each loop is written once, for registers, and for the single numbers after the last full one (<see cref="OneLane"/>).</summary>
/// <typeparam name="TVector">A register.</typeparam>
/// <typeparam name="TLanes">What is done with it.</typeparam>
/// <typeparam name="TNumber">How the numbers lie in memory: float, or the bits of bfloat16 as ushort.</typeparam>
internal sealed unsafe class TokenMath<TVector, TLanes, TNumber> : TokenMath
    where TVector : struct
    where TLanes : struct, ILanes<TVector>
    where TNumber : unmanaged
{
    // Numbers that are summed up in float32, before they go into a sum in float64.
    private const int SumBlock = 1024;

    public override int Size => sizeof(TNumber);

    public override void Norm(void* x, void* weight, void* to, int width, float epsilon)
    {
        var whole = TokenNumbers.Whole<TVector, TLanes>(width);
        var inverse = Inverse(Dot<TVector, TLanes>((TNumber*)x, (TNumber*)x, null, 0, whole) + Dot<float, OneLane>((TNumber*)x, (TNumber*)x, null, whole, width), width, epsilon);
        Scale<TVector, TLanes>((TNumber*)x, (TNumber*)weight, (TNumber*)to, inverse, 0, whole);
        Scale<float, OneLane>((TNumber*)x, (TNumber*)weight, (TNumber*)to, inverse, whole, width);
    }

    public override void NormGradient(void* x, void* weight, void* gradient, void* sum, void* to, int width, float epsilon)
    {
        // With g = gradient * weight and r = 1 / rms(x): r g - x r^3 mean(g x).
        var whole = TokenNumbers.Whole<TVector, TLanes>(width);
        TNumber* value = (TNumber*)x, scale = (TNumber*)weight, arrived = (TNumber*)gradient;
        var inverse = Inverse(Dot<TVector, TLanes>(value, value, null, 0, whole) + Dot<float, OneLane>(value, value, null, whole, width), width, epsilon);
        var along = Dot<TVector, TLanes>(arrived, value, scale, 0, whole) + Dot<float, OneLane>(arrived, value, scale, whole, width);
        var back = -inverse * inverse * inverse * along / width;
        Combine<TVector, TLanes>(value, scale, arrived, (TNumber*)sum, (TNumber*)to, inverse, back, 0, whole);
        Combine<float, OneLane>(value, scale, arrived, (TNumber*)sum, (TNumber*)to, inverse, back, whole, width);
    }

    public override void Turn(void* x, float* cos, float* sin, float direction, void* to, int half)
    {
        var whole = TokenNumbers.Whole<TVector, TLanes>(half);
        Turn<TVector, TLanes>((TNumber*)x, cos, sin, direction, (TNumber*)to, half, 0, whole);
        Turn<float, OneLane>((TNumber*)x, cos, sin, direction, (TNumber*)to, half, whole, half);
    }

    public override void Add(void* y, void* x, int width)
    {
        var whole = TokenNumbers.Whole<TVector, TLanes>(width);
        Add<TVector, TLanes>((TNumber*)y, (TNumber*)x, 0, whole);
        Add<float, OneLane>((TNumber*)y, (TNumber*)x, whole, width);
    }

    public override void Gate(void* gate, void* up, void* to, int width)
    {
        var whole = TokenNumbers.Whole<TVector, TLanes>(width);
        Gate<TVector, TLanes>((TNumber*)gate, (TNumber*)up, (TNumber*)to, 0, whole);
        Gate<float, OneLane>((TNumber*)gate, (TNumber*)up, (TNumber*)to, whole, width);
    }

    public override void GateGradient(void* gate, void* up, void* gradient, void* gateGradient, int width)
    {
        var whole = TokenNumbers.Whole<TVector, TLanes>(width);
        GateGradient<TVector, TLanes>((TNumber*)gate, (TNumber*)up, (TNumber*)gradient, (TNumber*)gateGradient, 0, whole);
        GateGradient<float, OneLane>((TNumber*)gate, (TNumber*)up, (TNumber*)gradient, (TNumber*)gateGradient, whole, width);
    }

    public override double CrossEntropy(float* logits, int target, float scale, int width)
    {
        var whole = TokenNumbers.Whole<TVector, TLanes>(width);
        var largest = MathF.Max(SoftmaxMath.Largest<TVector, TLanes>(logits, 0, whole), SoftmaxMath.Largest<float, OneLane>(logits, whole, width));
        var own = (double)logits[target] - largest;
        var total = 0d;
        for (var from = 0; from < whole; from += SumBlock) total += SoftmaxMath.Exponents<TVector, TLanes>(logits, largest, from, Math.Min(from + SumBlock, whole));
        total += SoftmaxMath.Exponents<float, OneLane>(logits, largest, whole, width);
        var share = (float)(scale / total);
        SoftmaxMath.Multiply<TVector, TLanes>(logits, share, 0, whole);
        SoftmaxMath.Multiply<float, OneLane>(logits, share, whole, width);
        logits[target] -= scale;
        return Math.Log(total) - own;
    }

    private static float Inverse(float squares, int width, float epsilon) => 1 / MathF.Sqrt((squares / width) + epsilon);

    /// <summary>Sum of a b, times scale unless null.</summary>
    private static float Dot<TV, TL>(TNumber* a, TNumber* b, TNumber* scale, int from, int to)
        where TV : struct
        where TL : struct, ILanes<TV>
    {
        TV sum = default;
        if (scale is null)
        {
            for (var k = from; k < to; k += TL.Count) sum = TL.MultiplyAdd(TokenNumbers.Load<TV, TL, TNumber>(a + k), TokenNumbers.Load<TV, TL, TNumber>(b + k), sum);
        }
        else
        {
            for (var k = from; k < to; k += TL.Count) sum = TL.MultiplyAdd(TL.Multiply(TokenNumbers.Load<TV, TL, TNumber>(a + k), TokenNumbers.Load<TV, TL, TNumber>(scale + k)), TokenNumbers.Load<TV, TL, TNumber>(b + k), sum);
        }

        return TL.Sum(sum);
    }

    private static void Scale<TV, TL>(TNumber* x, TNumber* weight, TNumber* result, float inverse, int from, int to)
        where TV : struct
        where TL : struct, ILanes<TV>
    {
        var factor = TL.Fill(inverse);
        for (var k = from; k < to; k += TL.Count) TokenNumbers.Store<TV, TL, TNumber>(TL.Multiply(TL.Multiply(TokenNumbers.Load<TV, TL, TNumber>(x + k), factor), TokenNumbers.Load<TV, TL, TNumber>(weight + k)), result + k);
    }

    private static void Combine<TV, TL>(TNumber* x, TNumber* weight, TNumber* gradient, TNumber* sum, TNumber* result, float inverse, float back, int from, int to)
        where TV : struct
        where TL : struct, ILanes<TV>
    {
        var (own, along) = (TL.Fill(inverse), TL.Fill(back));
        for (var k = from; k < to; k += TL.Count)
        {
            var value = TL.MultiplyAdd(TokenNumbers.Load<TV, TL, TNumber>(x + k), along, TL.Multiply(TL.Multiply(TokenNumbers.Load<TV, TL, TNumber>(gradient + k), TokenNumbers.Load<TV, TL, TNumber>(weight + k)), own));
            TokenNumbers.Store<TV, TL, TNumber>(sum is null ? value : TL.Add(value, TokenNumbers.Load<TV, TL, TNumber>(sum + k)), result + k);
        }
    }

    private static void Turn<TV, TL>(TNumber* x, float* cos, float* sin, float direction, TNumber* result, int half, int from, int to)
        where TV : struct
        where TL : struct, ILanes<TV>
    {
        var (forth, back) = (TL.Fill(direction), TL.Fill(-direction));
        for (var k = from; k < to; k += TL.Count)
        {
            TV left = TokenNumbers.Load<TV, TL, TNumber>(x + k), right = TokenNumbers.Load<TV, TL, TNumber>(x + half + k), c = TL.Load(cos + k), s = TL.Load(sin + k);
            TokenNumbers.Store<TV, TL, TNumber>(TL.MultiplyAdd(left, c, TL.Multiply(TL.Multiply(right, s), back)), result + k);
            TokenNumbers.Store<TV, TL, TNumber>(TL.MultiplyAdd(right, c, TL.Multiply(TL.Multiply(left, s), forth)), result + half + k);
        }
    }

    private static void Add<TV, TL>(TNumber* y, TNumber* x, int from, int to)
        where TV : struct
        where TL : struct, ILanes<TV>
    {
        for (var k = from; k < to; k += TL.Count) TokenNumbers.Store<TV, TL, TNumber>(TL.Add(TokenNumbers.Load<TV, TL, TNumber>(y + k), TokenNumbers.Load<TV, TL, TNumber>(x + k)), y + k);
    }

    private static void Gate<TV, TL>(TNumber* gate, TNumber* up, TNumber* result, int from, int to)
        where TV : struct
        where TL : struct, ILanes<TV>
    {
        for (var k = from; k < to; k += TL.Count)
        {
            var value = TokenNumbers.Load<TV, TL, TNumber>(gate + k);
            TokenNumbers.Store<TV, TL, TNumber>(TL.Multiply(TL.Multiply(value, Sigmoid<TV, TL>(value)), TokenNumbers.Load<TV, TL, TNumber>(up + k)), result + k);
        }
    }

    private static void GateGradient<TV, TL>(TNumber* gate, TNumber* up, TNumber* gradient, TNumber* gateGradient, int from, int to)
        where TV : struct
        where TL : struct, ILanes<TV>
    {
        // silu'(x) = s (1 + x (1 - s)), s its sigmoid.
        TV one = TL.Fill(1), minusOne = TL.Fill(-1);
        for (var k = from; k < to; k += TL.Count)
        {
            TV value = TokenNumbers.Load<TV, TL, TNumber>(gate + k), arrived = TokenNumbers.Load<TV, TL, TNumber>(gradient + k);
            var sigmoid = Sigmoid<TV, TL>(value);
            var slope = TL.Multiply(sigmoid, TL.MultiplyAdd(value, TL.MultiplyAdd(sigmoid, minusOne, one), one));
            TokenNumbers.Store<TV, TL, TNumber>(TL.Multiply(TL.Multiply(arrived, TokenNumbers.Load<TV, TL, TNumber>(up + k)), slope), gateGradient + k);
            TokenNumbers.Store<TV, TL, TNumber>(TL.Multiply(arrived, TL.Multiply(value, sigmoid)), gradient + k);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TV Sigmoid<TV, TL>(TV x)
        where TV : struct
        where TL : struct, ILanes<TV>
    {
        var one = TL.Fill(1);
        return TL.Divide(one, TL.Add(one, SoftmaxMath.Exp<TV, TL>(TL.Multiply(x, TL.Fill(-1)))));
    }
}
