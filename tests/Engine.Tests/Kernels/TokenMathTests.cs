using System.Runtime.Intrinsics;
using ContinualService.Engine.Kernels;
using TorchSharp;
using Xunit;
using static ContinualService.Engine.Tests.Kernels.KernelBounds;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace ContinualService.Engine.Tests.Kernels;

/// <summary>In registers of 512 bits; without AVX-512 the runtime makes them of narrower ones.</summary>
public sealed class TokenMath512Tests() : TokenMathTests(new TokenMath<Vector512<float>, Lanes512, float>(), float32);

public sealed class TokenMath256Tests() : TokenMathTests(new TokenMath<Vector256<float>, Lanes256, float>(), float32);

public sealed class TokenMath512BFloat16Tests() : TokenMathTests(new TokenMath<Vector512<float>, Lanes512, ushort>(), bfloat16);

public sealed class TokenMath256BFloat16Tests() : TokenMathTests(new TokenMath<Vector256<float>, Lanes256, ushort>(), bfloat16);

/// <summary>Against the same in float64, gradients by autograd. Widths of less than a register, of whole ones, and of neither.</summary>
public abstract unsafe class TokenMathTests
{
    private const float Epsilon = 0.5f;

    private readonly TokenMath _math;
    private readonly ScalarType _type;

    private protected TokenMathTests(TokenMath math, ScalarType type) => (_math, _type) = (math, type);

    [Theory]
    [InlineData(7)]
    [InlineData(48)]
    [InlineData(77)]
    public void Norm_AnyWidth_IsXOverItsRootMeanSquareTimesWeight(int width)
    {
        using var scope = NewDisposeScope();
        var (x, weight, to) = (Stored(1, width), Stored(2, width), empty([width], _type));
        var expected = Normed(x.to(float64), weight);

        _math.Norm(At(x), At(weight), At(to), width, Epsilon);
        AssertWithin(expected, to, expected, width + 4);

        _math.Norm(At(x), At(weight), At(x), width, Epsilon);
        Assert.Equal(Bits(to), Bits(x));
    }

    [Theory]
    [InlineData(7)]
    [InlineData(48)]
    [InlineData(77)]
    public void NormGradient_AnyWidth_IsAutogradsAndWhatElseThereIs(int width)
    {
        using var scope = NewDisposeScope();
        var (x, weight, gradient, sum, to) = (Stored(1, width), Stored(2, width), Stored(3, width), Stored(4, width), empty([width], _type));
        var leaf = x.to(float64).requires_grad_(true);
        Normed(leaf, weight).backward([gradient.to(float64)]);
        var expected = leaf.grad!;
        var sizes = (gradient.to(float64) * weight.to(float64)).abs() + x.to(float64).abs() * (gradient.to(float64) * weight.to(float64) * x.to(float64)).abs().mean() + sum.to(float64).abs();

        _math.NormGradient(At(x), At(weight), At(gradient), null, At(to), width, Epsilon);
        AssertWithin(expected, to, sizes, width + 8);

        _math.NormGradient(At(x), At(weight), At(gradient), At(sum), At(to), width, Epsilon);
        AssertWithin(expected + sum.to(float64), to, sizes, width + 9);

        _math.NormGradient(At(x), At(weight), At(gradient), At(sum), At(gradient), width, Epsilon);
        Assert.Equal(Bits(to), Bits(gradient));
    }

    [Theory]
    [InlineData(5)]
    [InlineData(32)]
    [InlineData(41)]
    public void Turn_PairsOfBothHalves_AreRotatedByTheirAnglesAndBack(int half)
    {
        using var scope = NewDisposeScope();
        var (x, angles, to) = (Stored(1, 2 * half), Random(2, half), empty([2 * half], _type));
        var (cos, sin) = (angles.cos(), angles.sin());
        var (first, second) = (x.to(float64).narrow(0, 0, half), x.to(float64).narrow(0, half, half));
        var sizes = cat([first.abs() + second.abs(), first.abs() + second.abs()]);

        _math.Turn(At(x), (float*)At(cos), (float*)At(sin), 1, At(to), half);
        AssertWithin(cat([first * cos - second * sin, second * cos + first * sin]), to, sizes, 3);

        _math.Turn(At(x), (float*)At(cos), (float*)At(sin), -1, At(to), half);
        AssertWithin(cat([first * cos + second * sin, second * cos - first * sin]), to, sizes, 3);

        _math.Turn(At(x), (float*)At(cos), (float*)At(sin), -1, At(x), half);
        Assert.Equal(Bits(to), Bits(x));
    }

    [Theory]
    [InlineData(5)]
    [InlineData(64)]
    [InlineData(53)]
    public void Gate_AnyWidth_IsSiluOfGateTimesUpAndItsGradients(int width)
    {
        using var scope = NewDisposeScope();
        // Large ones too: e to their power overflows nothing.
        var (gate, up, gradient, to, ofGate) = (Stored(1, width).mul_(30), Stored(2, width), Stored(3, width), empty([width], _type), empty([width], _type));
        var (first, second) = (gate.to(float64).requires_grad_(true), up.to(float64).requires_grad_(true));
        var expected = silu(first) * second;
        expected.backward([gradient.to(float64)]);

        _math.Gate(At(gate), At(up), At(to), width);
        AssertWithin(expected.detach(), to, expected.detach(), 16);

        var sizes = (gradient.to(float64) * second.detach()).abs() * (first.detach().abs() + 1) * torch.sigmoid(first.detach());
        _math.GateGradient(At(gate), At(up), At(gradient), At(ofGate), width);
        AssertWithin(first.grad!, ofGate, sizes, 16);
        AssertWithin(second.grad!, gradient, second.grad!, 16);

        _math.Gate(At(gate), At(up), At(gate), width);
        Assert.Equal(Bits(to), Bits(gate));
    }

    // Where e^x, or its reciprocal, is beyond float32.
    [Fact]
    public void Gate_FarFromZero_IsUpTimesGateOrNothing()
    {
        using var scope = NewDisposeScope();
        var (gate, to) = (tensor([88f, -88, 89, -89, 200, -200, 1e30f, -1e30f]).repeat(5).to(_type), empty([40], _type));
        _math.Gate(At(gate), At(ones(40, _type)), At(to), 40);
        Assert.InRange((to - gate.clamp_min(0)).to(float32).abs().max().item<float>(), 0, 1e-6f);
    }

    [Fact]
    public void Gate_NoNumber_StaysNone()
    {
        using var scope = NewDisposeScope();
        var (gate, up, gradient, ofGate) = (full([19], float.NaN, _type), Stored(2, 19), Stored(3, 19), empty([19], _type));
        _math.GateGradient(At(gate), At(up), At(gradient), At(ofGate), 19);
        _math.Gate(At(gate), At(up), At(up), 19);
        Assert.True(up.isnan().all().item<bool>() && gradient.isnan().all().item<bool>() && ofGate.isnan().all().item<bool>());
    }

    // The last is more than one sum in float32.
    [Theory]
    [InlineData(1, 0)]
    [InlineData(7, 6)]
    [InlineData(48, 0)]
    [InlineData(3001, 2999)]
    public void CrossEntropy_AnyWidth_IsAutogradsWithItsGradient(int width, int target)
    {
        using var scope = NewDisposeScope();
        var logits = Random(1, width) * 20 + 1000; // so large that their powers would overflow
        var leaf = logits.to(float64).requires_grad_(true);
        var expected = cross_entropy(leaf.unsqueeze(0), tensor(new long[] { target }));
        expected.backward();

        var loss = _math.CrossEntropy((float*)At(logits), target, 0.3f, width);

        Assert.Equal(expected.item<double>(), loss, 1e-6 * (1 + expected.item<double>()));
        AssertWithin(leaf.grad! * (double)0.3f, logits, (leaf.grad!.abs() + leaf.grad!.eq(leaf.grad!.min()).to(float64)) * 0.3, 16);
    }

    [Fact]
    public void CrossEntropy_NoNumber_StaysNone()
    {
        using var scope = NewDisposeScope();
        foreach (var (at, value) in new[] { (0, float.NaN), (3, float.NaN), (18, float.NaN), (2, float.PositiveInfinity) })
        {
            var logits = Random(1, 19);
            logits[at] = value;
            Assert.Equal(double.NaN, _math.CrossEntropy((float*)At(logits), 3, 1, 19));
        }
    }

    /// <summary>To the last bit, as libtorch rounds: halves to the even number, and no number and infinities to themselves.</summary>
    [Fact]
    public void Add_AnyNumbers_IsRoundedOnceToTheNearest()
    {
        using var scope = NewDisposeScope();
        Tensor All(long seed) => cat([Stored(seed, 1003) * 100, tensor([float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, 0f, 1f, 1f, -1f]).to(_type)]);
        var y = All(1);
        var x = cat([All(2).narrow(0, 0, 1003), tensor([1f, 1f, 1f, float.MaxValue, -0f, 1 / 256f, 3 / 256f, -1 / 256f]).to(_type)]);
        var expected = y.add(x);

        _math.Add(At(y), At(x), 1011);

        Assert.Equal(Bits(expected.nan_to_num(7)), Bits(y.nan_to_num(7)));
        Assert.Equal(Bits(expected.isnan()), Bits(y.isnan()));
    }

    private static void* At(Tensor tensor) => TensorMemory.Of(tensor);

    private static Tensor Normed(Tensor x, Tensor weight) => x * weight.to(float64) / (x.square().mean() + Epsilon).sqrt();

    private Tensor Stored(long seed, int width) => Random(seed, width).to(_type);
}
