using ContinualService.Engine.Kernels;
using TorchSharp;
using Xunit;
using static ContinualService.Engine.Tests.Kernels.KernelBounds;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Kernels;

/// <summary>Every number of a part in its place, and nothing beside it: parts that are whole squares, and parts that are not.</summary>
public sealed unsafe class PanelMathTests
{
    private const int Beside = 5; // columns of the matrix after the part
    private const float Untouched = 7;

    [Theory]
    [InlineData(1, 1, 64)]
    [InlineData(7, 9, 64)]
    [InlineData(8, 8, 64)]
    [InlineData(19, 63, 64)]
    [InlineData(64, 64, 64)]
    [InlineData(40, 24, 64)]
    [InlineData(32, 20, 32)]
    [InlineData(13, 64, 16)]
    public void Turn_APart_IsItsTransposeAndZerosAfterIt(int rows, int columns, int width)
    {
        using var scope = NewDisposeScope();
        var (matrix, narrow) = (Random(2, rows, columns + Beside), Random(2, rows, columns + Beside).to(bfloat16));
        var (panel, ofNarrow) = (full([columns + 1, width], Untouched), full([columns + 1, width], Untouched));

        PanelMath.Turn(CpuKernels.Pointer(matrix), columns + Beside, rows, columns, CpuKernels.Pointer(panel), width);
        PanelMath.Turn((ushort*)TensorMemory.Of(narrow), columns + Beside, rows, columns, CpuKernels.Pointer(ofNarrow), width);

        foreach (var (part, turned) in new[] { (matrix, panel), (narrow.to(float32), ofNarrow) })
        {
            var expected = cat([part.narrow(1, 0, columns).t(), zeros(columns, width - rows)], 1);
            Assert.Equal(Bits(expected), Bits(turned.narrow(0, 0, columns)));
            Assert.Equal(Bits(full([1, width], Untouched)), Bits(turned.narrow(0, columns, 1)));
        }
    }
}
