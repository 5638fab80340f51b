using ContinualService.Engine.Kernels;
using TorchSharp;
using Xunit;
using static ContinualService.Engine.Tests.Kernels.KernelBounds;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Kernels;

/// <summary>Every number of a part in its place, and nothing beside it: parts that are whole squares and registers, and parts that are not.</summary>
public sealed unsafe class ProductMathTests
{
    private const int Beside = 5; // columns of the matrix after the part
    private const float Untouched = 7;

    public static TheoryData<int, int> Parts => new()
    {
        { 1, 1 },
        { 7, 9 },
        { 8, 8 },
        { 19, 63 },
        { 64, 64 },
        { 40, 24 },
    };

    [Theory]
    [MemberData(nameof(Parts))]
    public void Lay_APart_IsThePanelAndZerosAfterIt(int rows, int columns)
    {
        using var scope = NewDisposeScope();
        var (matrix, panel) = (Random(1, rows, columns + Beside).to(bfloat16), full([rows + 1, ProductMath.Width], Untouched));

        ProductMath.Lay(Numbers(matrix), columns + Beside, rows, columns, CpuKernels.Pointer(panel));

        var expected = cat([matrix.narrow(1, 0, columns).to(float32), zeros(rows, ProductMath.Width - columns)], 1);
        Assert.Equal(Bits(expected), Bits(panel.narrow(0, 0, rows)));
        AssertUntouched(panel.narrow(0, rows, 1));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(53)]
    public void Widen_SomeNumbers_AreTheSameInFloat32(int count)
    {
        using var scope = NewDisposeScope();
        var (numbers, wide) = (Random(3, count).to(bfloat16), full([count + 1], Untouched));

        ProductMath.Widen(Numbers(numbers), count, CpuKernels.Pointer(wide));

        Assert.Equal(Bits(numbers.to(float32)), Bits(wide.narrow(0, 0, count)));
        AssertUntouched(wide.narrow(0, count, 1));
    }

    [Theory]
    [MemberData(nameof(Parts))]
    public void Store_ATile_IsRoundedToItsPartOrAddedToIt(int rows, int columns)
    {
        using var scope = NewDisposeScope();
        var (tile, before) = (Random(4, rows, ProductMath.Width), Random(5, rows, columns + Beside).to(bfloat16));
        var (stored, added, meant) = (before.clone(), before.clone(), tile.narrow(1, 0, columns));

        ProductMath.Store(CpuKernels.Pointer(tile), rows, columns, Numbers(stored), columns + Beside, add: false);
        ProductMath.Store(CpuKernels.Pointer(tile), rows, columns, Numbers(added), columns + Beside, add: true);

        var wide = before.to(float32);
        ProductMath.Store(CpuKernels.Pointer(tile), rows, columns, CpuKernels.Pointer(wide), columns + Beside, add: true);

        var beside = before.narrow(1, columns, Beside);
        Assert.Equal(Bits(cat([meant.add(before.narrow(1, 0, columns).to(float32)), beside.to(float32)], 1)), Bits(wide));
        Assert.Equal(Bits(cat([meant.to(bfloat16), beside], 1)), Bits(stored));
        Assert.Equal(Bits(cat([meant.add(before.narrow(1, 0, columns).to(float32)).to(bfloat16), beside], 1)), Bits(added));
    }

    private static void AssertUntouched(Tensor numbers) => Assert.Equal(Bits(full(numbers.shape, Untouched)), Bits(numbers));

    private static ushort* Numbers(Tensor tensor) => (ushort*)TensorMemory.Of(tensor);
}
