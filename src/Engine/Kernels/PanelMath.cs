using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ContinualService.Engine.Kernels;

/// <summary>Rows of numbers turned into the columns of a panel, float32 [columns, width]: as the right side of a product is read.</summary>
internal static unsafe class PanelMath
{
    private const int Square = 8; // rows and columns that are turned at once

    /// <summary>Lays rows, at most <paramref name="width"/>, beside each other; after the last, zeros.</summary>
    /// <typeparam name="TNumber">How they lie in memory, see <see cref="TokenNumbers"/>.</typeparam>
    /// <param name="matrix">The first row's first number.</param>
    /// <param name="row">Numbers from one row to the next.</param>
    /// <param name="rows">How many.</param>
    /// <param name="columns">Of each.</param>
    /// <param name="panel">Where to.</param>
    /// <param name="width">Of the panel.</param>
    public static void Turn<TNumber>(TNumber* matrix, int row, int rows, int columns, float* panel, int width)
        where TNumber : unmanaged
    {
        if (rows < width) new Span<float>(panel, columns * width).Clear();
        var (wholeRows, wholeColumns) = Avx.IsSupported ? (rows / Square * Square, columns / Square * Square) : (0, 0);
        for (var i = 0; i < wholeRows; i += Square)
            for (var k = 0; k < wholeColumns; k += Square) TurnSquare(matrix + ((long)i * row) + k, row, panel + (k * width) + i, width);
        for (var i = 0; i < rows; i++)
            for (var k = i < wholeRows ? wholeColumns : 0; k < columns; k++) panel[(k * width) + i] = TokenNumbers.Load<float, OneLane, TNumber>(matrix + ((long)i * row) + k);
    }

    /// <summary>Pairs of rows, then pairs of those, then halves.</summary>
    /// <remarks>Part of the loop around it: by itself it has none, and would be compiled in a hurry first.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TurnSquare<TNumber>(TNumber* from, int row, float* panel, int width)
        where TNumber : unmanaged
    {
        Vector256<float> r0 = Load(from), r1 = Load(from += row), r2 = Load(from += row), r3 = Load(from += row);
        Vector256<float> r4 = Load(from += row), r5 = Load(from += row), r6 = Load(from += row), r7 = Load(from + row);
        Vector256<float> a0 = Avx.UnpackLow(r0, r1), a1 = Avx.UnpackHigh(r0, r1), a2 = Avx.UnpackLow(r2, r3), a3 = Avx.UnpackHigh(r2, r3);
        Vector256<float> a4 = Avx.UnpackLow(r4, r5), a5 = Avx.UnpackHigh(r4, r5), a6 = Avx.UnpackLow(r6, r7), a7 = Avx.UnpackHigh(r6, r7);
        const byte lower = 0x44, upper = 0xEE; // two numbers of each
        Vector256<float> b0 = Avx.Shuffle(a0, a2, lower), b1 = Avx.Shuffle(a0, a2, upper), b2 = Avx.Shuffle(a1, a3, lower), b3 = Avx.Shuffle(a1, a3, upper);
        Vector256<float> b4 = Avx.Shuffle(a4, a6, lower), b5 = Avx.Shuffle(a4, a6, upper), b6 = Avx.Shuffle(a5, a7, lower), b7 = Avx.Shuffle(a5, a7, upper);
        const byte first = 0x20, second = 0x31; // halves of both
        Avx.Permute2x128(b0, b4, first).Store(panel);
        Avx.Permute2x128(b1, b5, first).Store(panel + width);
        Avx.Permute2x128(b2, b6, first).Store(panel + (2 * width));
        Avx.Permute2x128(b3, b7, first).Store(panel + (3 * width));
        Avx.Permute2x128(b0, b4, second).Store(panel + (4 * width));
        Avx.Permute2x128(b1, b5, second).Store(panel + (5 * width));
        Avx.Permute2x128(b2, b6, second).Store(panel + (6 * width));
        Avx.Permute2x128(b3, b7, second).Store(panel + (7 * width));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Load<TNumber>(TNumber* from)
        where TNumber : unmanaged => TokenNumbers.Load<Vector256<float>, Lanes256, TNumber>(from);
}
