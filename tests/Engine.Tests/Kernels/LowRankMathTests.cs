using System.Runtime.Intrinsics;
using ContinualService.Engine.Kernels;
using TorchSharp;
using Xunit;
using static ContinualService.Engine.Tests.Kernels.KernelBounds;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Kernels;

/// <inheritdoc cref="TokenMath512Tests"/>
public sealed class LowRankMath512Tests() : LowRankMathTests(new LowRankMath<Vector512<float>, Lanes512, float>(), float32);

public sealed class LowRankMath256Tests() : LowRankMathTests(new LowRankMath<Vector256<float>, Lanes256, float>(), float32);

public sealed class LowRankMath512BFloat16Tests() : LowRankMathTests(new LowRankMath<Vector512<float>, Lanes512, ushort>(), bfloat16);

public sealed class LowRankMath256BFloat16Tests() : LowRankMathTests(new LowRankMath<Vector256<float>, Lanes256, ushort>(), bfloat16);

/// <summary>Against the same products in float64: rows, ranks and widths that fill what is computed at once, and that do not.</summary>
public abstract unsafe class LowRankMathTests
{
    private readonly LowRankMath _math;
    private readonly ScalarType _type;

    private protected LowRankMathTests(LowRankMath math, ScalarType type) => (_math, _type) = (math, type);

    public static TheoryData<int, int, int> Shapes => new()
    {
        { 1, 1, 1 },
        { 3, 7, 3 },
        { 4, 16, 4 },
        { 5, 48, 8 },
        { 19, 77, 9 },
        { 32, 64, 16 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Down_AnyShape_IsTheScaledProduct(int rows, int width, int rank)
    {
        using var scope = NewDisposeScope();
        var (x, a, low) = (Random(1, rows, width).to(_type), Random(2, rank, width), empty([rows, rank]));

        _math.Down(TensorMemory.Of(x), rows, width, At(a), rank, 0.3f, At(low));

        AssertWithin(x.to(float64).mm(a.to(float64).t()) * (double)0.3f, low, x.to(float64).abs().mm(a.to(float64).abs().t()) * 0.3, width + 1);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Up_AnyShape_AddsTheProduct(int rows, int width, int rank)
    {
        using var scope = NewDisposeScope();
        var (low, b, y) = (Random(1, rows, rank), Random(2, rank, width), Random(3, rows, width).to(_type));
        var (before, product, sizes) = (y.to(float64), low.to(float64).mm(b.to(float64)), low.to(float64).abs().mm(b.to(float64).abs()));

        _math.Up(At(low), rows, rank, At(b), TensorMemory.Of(y), width);

        AssertWithin(before + product, y, before.abs() + sizes, rank + 1);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Sum_ColumnsOfAnyShape_AddsTheProductAndTouchesNoOther(int rows, int width, int rank)
    {
        using var scope = NewDisposeScope();
        var (low, x, sums) = (Random(1, rows, rank), Random(2, rows, width).to(_type), Random(3, rank, width));
        var (before, product, sizes) = (sums.to(float64), low.to(float64).t().mm(x.to(float64)), low.to(float64).abs().t().mm(x.to(float64).abs()));
        var (from, to) = (width / 3, width - (width / 5));

        _math.Sum(At(low), TensorMemory.Of(x), rows, rank, width, from, to, At(sums));

        product.narrow(1, 0, from).zero_();
        product.narrow(1, to, width - to).zero_();
        AssertWithin(before + product, sums, before.abs() + sizes, rows + 1);
        foreach (var (first, count) in new[] { (0, from), (to, width - to) }) Assert.Equal(Bits(before.narrow(1, first, count).to(float32)), Bits(sums.narrow(1, first, count)));
    }

    [Fact]
    public void DownAndUp_RowAmongOthers_GivesTheSameBitsAsAlone()
    {
        using var scope = NewDisposeScope();
        const int rows = 11, width = 203, rank = 9;
        var (x, a, b, low, y) = (Random(1, rows, width).to(_type), Random(2, rank, width), Random(3, rank, width), empty([rows, rank]), Random(4, rows, width).to(_type));
        var (lowAlone, alone) = (empty([rows, rank]), y.clone());

        _math.Down(TensorMemory.Of(x), rows, width, At(a), rank, 2, At(low));
        _math.Up(At(low), rows, rank, At(b), TensorMemory.Of(y), width);
        for (var row = 0; row < rows; row++)
        {
            _math.Down(TensorMemory.Of(x[row]), 1, width, At(a), rank, 2, At(lowAlone[row]));
            _math.Up(At(lowAlone[row]), 1, rank, At(b), TensorMemory.Of(alone[row]), width);
        }

        Assert.Equal(Bits(lowAlone), Bits(low));
        Assert.Equal(Bits(alone), Bits(y));
    }

    private static float* At(Tensor tensor) => CpuKernels.Pointer(tensor);
}
