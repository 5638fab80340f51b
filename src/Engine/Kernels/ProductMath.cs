using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ContinualService.Engine.Kernels;

/// <summary>How parts of matrices in bfloat16 come to lie where <see cref="Brgemm"/> multiplies them, in float32, and how its results leave. Needs AVX2.</summary>
internal static unsafe class ProductMath
{
    /// <summary>Columns of a panel, a block of the right side, and of a tile, one of the result: four of AVX-512's registers.</summary>
    public const int Width = 64;

    private const int Square = 8; // rows and columns that are turned at once

    /// <summary>Part of a matrix to a panel [rows, Width]; after its columns, zeros.</summary>
    /// <param name="matrix">Its first number.</param>
    /// <param name="row">Numbers from one of its rows to the next.</param>
    /// <param name="rows">Of the part.</param>
    /// <param name="columns">Of the part, at most <see cref="Width"/>.</param>
    /// <param name="panel">Where to.</param>
    public static void Lay(ushort* matrix, int row, int rows, int columns, float* panel)
    {
        for (var i = 0; i < rows; i++, panel += Width)
        {
            Widen(matrix + ((long)i * row), columns, panel);
            new Span<float>(panel + columns, Width - columns).Clear();
        }
    }

    /// <summary>The same of the part's transpose: rows of it, at most <see cref="Width"/>, become the columns of a panel [columns, Width].</summary>
    public static void LayTurned(ushort* matrix, int row, int rows, int columns, float* panel)
    {
        if (rows < Width) new Span<float>(panel, columns * Width).Clear();
        var (wholeRows, wholeColumns) = (rows / Square * Square, columns / Square * Square);
        for (var i = 0; i < wholeRows; i += Square)
            for (var k = 0; k < wholeColumns; k += Square) Turn(matrix + ((long)i * row) + k, row, panel + (k * Width) + i);
        for (var i = 0; i < rows; i++)
            for (var k = i < wholeRows ? wholeColumns : 0; k < columns; k++) panel[(k * Width) + i] = OneLane.Load(matrix + ((long)i * row) + k);
    }

    /// <summary>Numbers as float32.</summary>
    public static void Widen(ushort* from, long count, float* to)
    {
        var k = 0L;
        for (; k + Lanes512.Count <= count; k += Lanes512.Count) Lanes512.Store(Lanes512.Load(from + k), to + k);
        for (; k < count; k++) to[k] = OneLane.Load(from + k);
    }

    /// <summary>A tile [rows, Width] as part of a matrix, plus what is there where <paramref name="add"/> says so.</summary>
    /// <param name="tile">Its first number.</param>
    /// <param name="rows">Of it.</param>
    /// <param name="columns">Of it that are meant.</param>
    /// <param name="matrix">The part's first number.</param>
    /// <param name="row">Numbers from one of the matrix's rows to the next.</param>
    /// <param name="add">Whether.</param>
    /// <typeparam name="TNumber">How the matrix's numbers lie in memory, see <see cref="TokenNumbers"/>.</typeparam>
    public static void Store<TNumber>(float* tile, int rows, int columns, TNumber* matrix, int row, bool add)
        where TNumber : unmanaged
    {
        for (var i = 0; i < rows; i++, tile += Width, matrix += row)
        {
            var k = 0;
            for (; k + Lanes512.Count <= columns; k += Lanes512.Count) Put<Vector512<float>, Lanes512, TNumber>(tile + k, matrix + k, add);
            for (; k < columns; k++) Put<float, OneLane, TNumber>(tile + k, matrix + k, add);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<TVector, TLanes, TNumber>(float* from, TNumber* to, bool add)
        where TVector : struct
        where TLanes : struct, ILanes<TVector>
        where TNumber : unmanaged
    {
        var values = TLanes.Load(from);
        TokenNumbers.Store<TVector, TLanes, TNumber>(add ? TLanes.Add(values, TokenNumbers.Load<TVector, TLanes, TNumber>(to)) : values, to);
    }

    /// <summary>Eight numbers of eight rows, turned, to eight rows of a panel: pairs of rows, then pairs of those, then halves.</summary>
    /// <remarks>Part of the loop around it: by itself it has none, and would be compiled in a hurry first.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Turn(ushort* from, int row, float* panel)
    {
        Vector256<float> r0 = Lanes256.Load(from), r1 = Lanes256.Load(from += row), r2 = Lanes256.Load(from += row), r3 = Lanes256.Load(from += row);
        Vector256<float> r4 = Lanes256.Load(from += row), r5 = Lanes256.Load(from += row), r6 = Lanes256.Load(from += row), r7 = Lanes256.Load(from + row);
        Vector256<float> a0 = Avx.UnpackLow(r0, r1), a1 = Avx.UnpackHigh(r0, r1), a2 = Avx.UnpackLow(r2, r3), a3 = Avx.UnpackHigh(r2, r3);
        Vector256<float> a4 = Avx.UnpackLow(r4, r5), a5 = Avx.UnpackHigh(r4, r5), a6 = Avx.UnpackLow(r6, r7), a7 = Avx.UnpackHigh(r6, r7);
        const byte lower = 0x44, upper = 0xEE; // two numbers of each
        Vector256<float> b0 = Avx.Shuffle(a0, a2, lower), b1 = Avx.Shuffle(a0, a2, upper), b2 = Avx.Shuffle(a1, a3, lower), b3 = Avx.Shuffle(a1, a3, upper);
        Vector256<float> b4 = Avx.Shuffle(a4, a6, lower), b5 = Avx.Shuffle(a4, a6, upper), b6 = Avx.Shuffle(a5, a7, lower), b7 = Avx.Shuffle(a5, a7, upper);
        const byte first = 0x20, second = 0x31; // halves of both
        Avx.Permute2x128(b0, b4, first).Store(panel);
        Avx.Permute2x128(b1, b5, first).Store(panel + Width);
        Avx.Permute2x128(b2, b6, first).Store(panel + (2 * Width));
        Avx.Permute2x128(b3, b7, first).Store(panel + (3 * Width));
        Avx.Permute2x128(b0, b4, second).Store(panel + (4 * Width));
        Avx.Permute2x128(b1, b5, second).Store(panel + (5 * Width));
        Avx.Permute2x128(b2, b6, second).Store(panel + (6 * Width));
        Avx.Permute2x128(b3, b7, second).Store(panel + (7 * Width));
    }
}
