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

        _math.Down(TensorMemory.Of(x), rows, width, At(Packed(a)), rank, 0.3f, At(low));

        AssertWithin(x.to(float64).mm(a.to(float64).t()) * (double)0.3f, low, x.to(float64).abs().mm(a.to(float64).abs().t()) * 0.3, width + 1);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Up_AnyShape_AddsTheProduct(int rows, int width, int rank)
    {
        using var scope = NewDisposeScope();
        var (low, b, y) = (Random(1, rows, rank), Random(2, rank, width), Random(3, rows, width).to(_type));
        var (before, product, sizes) = (y.to(float64), low.to(float64).mm(b.to(float64)), low.to(float64).abs().mm(b.to(float64).abs()));

        _math.Up(At(low), rows, rank, At(Packed(b)), TensorMemory.Of(y), width);

        AssertWithin(before + product, y, before.abs() + sizes, rank + 1);
    }

    // All blocks but the first and the last, then these.
    [Theory]
    [MemberData(nameof(Shapes))]
    public void Sum_BlocksOfAnyShape_AddsTheProductAndTouchesNoOther(int rows, int width, int rank)
    {
        using var scope = NewDisposeScope();
        var (low, x, sums) = (Random(1, rows, rank), Random(2, rows, width).to(_type), Random(3, rank, width));
        var (before, product, sizes) = (sums.to(float64), low.to(float64).t().mm(x.to(float64)), low.to(float64).abs().t().mm(x.to(float64).abs()));
        var (packed, blocks) = (Packed(sums), (width + _math.Block - 1) / _math.Block);
        var (from, to) = (Math.Min(1, blocks - 1), Math.Max(1, blocks - 1));

        _math.Sum(At(low), TensorMemory.Of(x), rows, rank, width, from, to, At(packed));
        var inside = product.clone();
        inside.narrow(1, 0, Math.Min(width, from * _math.Block)).zero_();
        if (to * _math.Block < width) inside.narrow(1, to * _math.Block, width - (to * _math.Block)).zero_();
        AssertWithin(before + inside, Unpacked(packed, rank, width), before.abs() + sizes, rows + 1);

        if (from > 0) _math.Sum(At(low), TensorMemory.Of(x), rows, rank, width, 0, from, At(packed));
        if (to < blocks) _math.Sum(At(low), TensorMemory.Of(x), rows, rank, width, to, blocks, At(packed));
        AssertWithin(before + product, Unpacked(packed, rank, width), before.abs() + sizes, rows + 1);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Pack_MatrixOrItsTranspose_HasTheSameNumbers(int rows, int width, int rank)
    {
        using var scope = NewDisposeScope();
        var (matrix, sums) = (Random(rows, rank, width), Random(4, rank, width));
        var transposed = matrix.t().contiguous();
        Tensor packed = Packed(matrix), other = empty_like(packed);
        _math.Pack(At(transposed), rank, width, transposed: true, At(other));

        Assert.Equal(Bits(packed), Bits(other));
        Assert.Equal(Bits(packed.sort().Values), Bits(matrix.view(-1).sort().Values));
        var (expected, ofTransposed) = (sums.add(matrix), sums.t().contiguous().clone()); // of one number the transpose is the same memory
        _math.AddPacked(At(packed), rank, width, transposed: false, At(sums));
        _math.AddPacked(At(packed), rank, width, transposed: true, At(ofTransposed));
        Assert.Equal(Bits(expected), Bits(sums));
        Assert.Equal(Bits(expected.t()), Bits(ofTransposed));
    }

    [Fact]
    public void DownAndUp_RowAmongOthers_GivesTheSameBitsAsAlone()
    {
        using var scope = NewDisposeScope();
        const int rows = 11, width = 203, rank = 9;
        var (x, a, b, low, y) = (Random(1, rows, width).to(_type), Random(2, rank, width), Random(3, rank, width), empty([rows, rank]), Random(4, rows, width).to(_type));
        var (lowAlone, alone, packedA, packedB) = (empty([rows, rank]), y.clone(), Packed(a), Packed(b));

        _math.Down(TensorMemory.Of(x), rows, width, At(packedA), rank, 2, At(low));
        _math.Up(At(low), rows, rank, At(packedB), TensorMemory.Of(y), width);
        for (var row = 0; row < rows; row++)
        {
            _math.Down(TensorMemory.Of(x[row]), 1, width, At(packedA), rank, 2, At(lowAlone[row]));
            _math.Up(At(lowAlone[row]), 1, rank, At(packedB), TensorMemory.Of(alone[row]), width);
        }

        Assert.Equal(Bits(lowAlone), Bits(low));
        Assert.Equal(Bits(alone), Bits(y));
    }

    private Tensor Packed(Tensor matrix)
    {
        var packed = empty([matrix.numel()]);
        _math.Pack(At(matrix), (int)matrix.size(0), (int)matrix.size(1), transposed: false, At(packed));
        return packed;
    }

    private Tensor Unpacked(Tensor packed, int rank, int width)
    {
        var matrix = zeros([rank, width]);
        _math.AddPacked(At(packed), rank, width, transposed: false, At(matrix));
        return matrix;
    }

    private static float* At(Tensor tensor) => CpuKernels.Pointer(tensor);
}
