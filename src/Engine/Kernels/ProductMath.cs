using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ContinualService.Engine.Kernels;

/// <summary>How parts of matrices in bfloat16 come to lie where <see cref="Brgemm"/> multiplies them, in float32, and how its results leave.</summary>
internal static unsafe class ProductMath
{
    /// <summary>Columns of a panel, a block of the right side, and of a tile, one of the result: four of AVX-512's registers.</summary>
    public const int Width = 64;

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
}
