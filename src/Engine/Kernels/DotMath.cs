using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace ContinualService.Engine.Kernels;

/// <summary>Sixteen dot products at once, of four rows of numbers with four rows of float32 ones: what <see cref="RowMath"/> and <see cref="LowRankMath"/> compute many of.</summary>
internal static unsafe class DotMath
{
    /// <summary>Rows of either side: the sums fill half of AVX-512's registers, and each number that is loaded is used four times.</summary>
    public const int Tile = 4;

    /// <summary>As far as the rows fill registers: to 16 of them, those of the first row of x before those of the next.</summary>
    /// <remarks>
    /// Each goes through one accumulator in the order of the columns. Sums that are needed after a call the compiler stores in the loop as well, which takes twice the time: there is no call in here, and this is part of no method that has one.
    /// </remarks>
    /// <param name="x">The first row's numbers.</param>
    /// <param name="xRow">Numbers from one of them to the next.</param>
    /// <param name="w">The first row of the other side.</param>
    /// <param name="wRow">Numbers from one of them to the next.</param>
    /// <param name="wStep">Numbers from one register of a row to the next.</param>
    /// <param name="ahead">What is needed next of the other side: asked for meanwhile, as many numbers as are gone through; null: nothing.</param>
    /// <param name="whole">Columns.</param>
    /// <param name="sums">Of four times four registers.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Square<TV, TL, TNumber>(TNumber* x, nint xRow, float* w, nint wRow, nint wStep, float* ahead, int whole, float* sums)
        where TV : struct
        where TL : struct, ILanes<TV>
        where TNumber : unmanaged
    {
        TNumber* x1 = x + xRow, x2 = x1 + xRow, x3 = x2 + xRow;
        float* w1 = w + wRow, w2 = w1 + wRow, w3 = w2 + wRow;
        TV s00 = default, s01 = default, s02 = default, s03 = default, s10 = default, s11 = default, s12 = default, s13 = default;
        TV s20 = default, s21 = default, s22 = default, s23 = default, s30 = default, s31 = default, s32 = default, s33 = default;
        nint at = 0;
        for (nint k = 0; k < whole; k += TL.Count, at += wStep)
        {
            if (ahead is not null) Ask<TV, TL>(ahead + (Tile * k));
            TV a = TokenNumbers.Load<TV, TL, TNumber>(x + k), b = TokenNumbers.Load<TV, TL, TNumber>(x1 + k), c = TokenNumbers.Load<TV, TL, TNumber>(x2 + k), d = TokenNumbers.Load<TV, TL, TNumber>(x3 + k);
            var weight = TL.Load(w + at);
            s00 = TL.MultiplyAdd(a, weight, s00);
            s10 = TL.MultiplyAdd(b, weight, s10);
            s20 = TL.MultiplyAdd(c, weight, s20);
            s30 = TL.MultiplyAdd(d, weight, s30);
            weight = TL.Load(w1 + at);
            s01 = TL.MultiplyAdd(a, weight, s01);
            s11 = TL.MultiplyAdd(b, weight, s11);
            s21 = TL.MultiplyAdd(c, weight, s21);
            s31 = TL.MultiplyAdd(d, weight, s31);
            weight = TL.Load(w2 + at);
            s02 = TL.MultiplyAdd(a, weight, s02);
            s12 = TL.MultiplyAdd(b, weight, s12);
            s22 = TL.MultiplyAdd(c, weight, s22);
            s32 = TL.MultiplyAdd(d, weight, s32);
            weight = TL.Load(w3 + at);
            s03 = TL.MultiplyAdd(a, weight, s03);
            s13 = TL.MultiplyAdd(b, weight, s13);
            s23 = TL.MultiplyAdd(c, weight, s23);
            s33 = TL.MultiplyAdd(d, weight, s33);
        }

        TL.Store(s00, sums);
        TL.Store(s01, sums + TL.Count);
        TL.Store(s02, sums + (2 * TL.Count));
        TL.Store(s03, sums + (3 * TL.Count));
        TL.Store(s10, sums + (4 * TL.Count));
        TL.Store(s11, sums + (5 * TL.Count));
        TL.Store(s12, sums + (6 * TL.Count));
        TL.Store(s13, sums + (7 * TL.Count));
        TL.Store(s20, sums + (8 * TL.Count));
        TL.Store(s21, sums + (9 * TL.Count));
        TL.Store(s22, sums + (10 * TL.Count));
        TL.Store(s23, sums + (11 * TL.Count));
        TL.Store(s30, sums + (12 * TL.Count));
        TL.Store(s31, sums + (13 * TL.Count));
        TL.Store(s32, sums + (14 * TL.Count));
        TL.Store(s33, sums + (15 * TL.Count));
    }

    /// <summary>Asks for what one round of a square will load, before it is needed: the next rows of a matrix lie on other pages, which the processor does not foresee.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Ask<TV, TL>(float* from)
        where TV : struct
        where TL : struct, ILanes<TV>
    {
        if (!Sse.IsSupported) return;
        for (var at = 0; at < Tile * TL.Count; at += CacheLine.Floats) Sse.Prefetch0(from + at);
    }
}
