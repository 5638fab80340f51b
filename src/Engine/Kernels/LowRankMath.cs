using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Kernels;

/// <summary>
/// The thin products that a LoRA consists of, over plain memory: one side is the tokens' numbers, of one type, the other has as many rows as the rank and is float32. Sums are float32 and go through one accumulator in the order
/// of what is summed, so a result has the same bits however its neighbours are computed.
/// </summary>
internal abstract unsafe class LowRankMath
{
    private static readonly LowRankMath Float32 = OfWidth<float>();
    private static readonly LowRankMath BFloat16 = OfWidth<ushort>();

    /// <summary>As <see cref="TokenMath.Of"/>.</summary>
    public static LowRankMath? Of(ScalarType type) => TokenNumbers.Choose(type, Float32, BFloat16);

    /// <summary>Columns of a block, see <see cref="Pack"/>.</summary>
    public abstract int Block { get; }

    /// <summary>
    /// Lays a matrix of <paramref name="rank"/> rows out in blocks of columns, in each row by row, so that what is computed at once lies together whatever the width: of [rank, width], or of [width, rank] whose transpose is meant.
    /// Whole blocks first, then the other columns one by one.
    /// </summary>
    public abstract void Pack(float* matrix, int rank, int width, bool transposed, float* packed);

    /// <summary>Adds what is packed to a matrix, as it was in <see cref="Pack"/>.</summary>
    public abstract void AddPacked(float* packed, int rank, int width, bool transposed, float* matrix);

    /// <summary>scale * x a^T: of x [rows, width] and a [rank, width], packed, to low [rows, rank].</summary>
    public abstract void Down(void* x, int rows, int width, float* a, int rank, float scale, float* low);

    /// <summary>y + low b: of low [rows, rank] and b [rank, width], packed, in place of y [rows, width].</summary>
    public abstract void Up(float* low, int rows, int rank, float* b, void* y, int width);

    /// <summary>sums + low^T x: of low [rows, rank] and the blocks <paramref name="from"/> to <paramref name="to"/> of x [rows, width], in place of those of sums [rank, width], packed.</summary>
    public abstract void Sum(float* low, void* x, int rows, int rank, int width, int from, int to, float* sums);

    private static LowRankMath OfWidth<TNumber>()
        where TNumber : unmanaged =>
        Vector512.IsHardwareAccelerated ? new LowRankMath<Vector512<float>, Lanes512, TNumber>() : new LowRankMath<Vector256<float>, Lanes256, TNumber>();
}

/// <summary>The same in registers of one width; what is after the last full one is done number by number in the same loops (<see cref="OneLane"/>).</summary>
/// <typeparam name="TVector">A register.</typeparam>
/// <typeparam name="TLanes">What is done with it.</typeparam>
/// <typeparam name="TNumber">How the tokens' numbers lie in memory, see <see cref="ILanes{TVector}"/>.</typeparam>
internal sealed unsafe class LowRankMath<TVector, TLanes, TNumber> : LowRankMath
    where TVector : struct
    where TLanes : struct, ILanes<TVector>
    where TNumber : unmanaged
{
    // Rows or ranks that are computed at once: as many sums as the processor has multiplications under way.
    private const int Tile = DotMath.Tile;

    // Rows of a sum that stay near while its columns are gone through.
    private const int Rows = 8;

    public override int Block => TLanes.Count;

    public override void Pack(float* matrix, int rank, int width, bool transposed, float* packed)
    {
        for (var k = 0; k < width; k += BlockAt(k, width))
        {
            var (to, count) = ((nint)(packed + ((long)k * rank)), BlockAt(k, width));
            if (transposed)
            {
                for (var i = 0; i < count; i++)
                    for (var r = 0; r < rank; r++) ((float*)to)[(r * count) + i] = matrix[((long)(k + i) * rank) + r];
            }
            else
            {
                for (var r = 0; r < rank; r++) new Span<float>(matrix + ((long)r * width) + k, count).CopyTo(new Span<float>((float*)to + (r * count), count));
            }
        }
    }

    public override void AddPacked(float* packed, int rank, int width, bool transposed, float* matrix)
    {
        for (var k = 0; k < width; k += BlockAt(k, width))
        {
            var (from, count) = ((nint)(packed + ((long)k * rank)), BlockAt(k, width));
            for (var i = 0; i < count; i++)
                for (var r = 0; r < rank; r++) *(transposed ? matrix + ((long)(k + i) * rank) + r : matrix + ((long)r * width) + k + i) += ((float*)from)[(r * count) + i];
        }
    }

    public override void Down(void* x, int rows, int width, float* a, int rank, float scale, float* low)
    {
        var whole = TokenNumbers.Whole<TVector, TLanes>(width);
        var sums = stackalloc float[Tile * Tile * TLanes.Count];
        var row = 0;
        for (; row + Tile <= rows; row += Tile)
        {
            var r = 0;
            for (; r + Tile <= rank; r += Tile)
            {
                var first = (TNumber*)x + ((long)row * width);
                DotMath.Square<TVector, TLanes, TNumber>(first, width, a + ((long)r * TLanes.Count), TLanes.Count, (nint)rank * TLanes.Count, null, whole, sums);
                for (var i = 0; i < Tile; i++)
                    for (var j = 0; j < Tile; j++) low[((long)(row + i) * rank) + r + j] = scale * Rest(first + ((long)i * width), a, r + j, rank, width, whole, TLanes.Load(sums + (((i * Tile) + j) * TLanes.Count)));
            }

            for (; r < rank; r++)
                for (var i = row; i < row + Tile; i++) low[((long)i * rank) + r] = scale * Dot((TNumber*)x + ((long)i * width), a, r, rank, width, whole);
        }

        for (; row < rows; row++)
            for (var r = 0; r < rank; r++) low[((long)row * rank) + r] = scale * Dot((TNumber*)x + ((long)row * width), a, r, rank, width, whole);
    }

    public override void Up(float* low, int rows, int rank, float* b, void* y, int width)
    {
        var whole = TokenNumbers.Whole<TVector, TLanes>(width);
        var row = 0;
        for (; row + Tile <= rows; row += Tile)
        {
            var to = (TNumber*)y + ((long)row * width);
            UpRows<TVector, TLanes>(low + ((long)row * rank), rank, b, to, width, 0, whole);
            UpRows<float, OneLane>(low + ((long)row * rank), rank, b, to, width, whole, width);
        }

        for (; row < rows; row++)
        {
            var to = (TNumber*)y + ((long)row * width);
            UpRow<TVector, TLanes>(low + ((long)row * rank), rank, b, to, 0, whole);
            UpRow<float, OneLane>(low + ((long)row * rank), rank, b, to, whole, width);
        }
    }

    public override void Sum(float* low, void* x, int rows, int rank, int width, int from, int to, float* sums)
    {
        var whole = TokenNumbers.Whole<TVector, TLanes>(width);
        var (first, last) = (from * TLanes.Count, Math.Min(to * TLanes.Count, width));
        for (var row = 0; row < rows; row += Rows)
        {
            var part = low + ((long)row * rank);
            var values = (TNumber*)x + ((long)row * width);
            var count = Math.Min(Rows, rows - row);
            SumColumns<TVector, TLanes>(part, values, count, rank, width, first, Math.Min(last, whole), sums);
            SumColumns<float, OneLane>(part, values, count, rank, width, whole, last, sums);
        }
    }

    // Columns of the block at k.
    private static int BlockAt(int k, int width) => k + TLanes.Count <= width ? TLanes.Count : 1;

    /// <summary>Of x and row r of a.</summary>
    private static float Dot(TNumber* x, float* a, int r, int rank, int width, int whole)
    {
        TVector sum = default;
        for (var k = 0; k < whole; k += TLanes.Count) sum = TLanes.MultiplyAdd(TokenNumbers.Load<TVector, TLanes, TNumber>(x + k), TLanes.Load(a + ((long)k * rank) + ((long)r * TLanes.Count)), sum);
        return Rest(x, a, r, rank, width, whole, sum);
    }

    private static float Rest(TNumber* x, float* a, int r, int rank, int width, int whole, TVector vectors)
    {
        var sum = TLanes.Sum(vectors);
        for (var k = whole; k < width; k++) sum = OneLane.MultiplyAdd(TokenNumbers.Load<float, OneLane, TNumber>(x + k), a[((long)k * rank) + r], sum);
        return sum;
    }

    private static void UpRows<TV, TL>(float* low, int rank, float* b, TNumber* y, int width, int from, int to)
        where TV : struct
        where TL : struct, ILanes<TV>
    {
        TNumber* y1 = y + width, y2 = y1 + width, y3 = y2 + width;
        float* low1 = low + rank, low2 = low1 + rank, low3 = low2 + rank;
        for (var k = from; k < to; k += TL.Count)
        {
            TV s0 = TokenNumbers.Load<TV, TL, TNumber>(y + k), s1 = TokenNumbers.Load<TV, TL, TNumber>(y1 + k);
            TV s2 = TokenNumbers.Load<TV, TL, TNumber>(y2 + k), s3 = TokenNumbers.Load<TV, TL, TNumber>(y3 + k);
            var block = b + ((long)k * rank);
            for (var r = 0; r < rank; r++, block += TL.Count)
            {
                var row = TL.Load(block);
                s0 = TL.MultiplyAdd(TL.Fill(low[r]), row, s0);
                s1 = TL.MultiplyAdd(TL.Fill(low1[r]), row, s1);
                s2 = TL.MultiplyAdd(TL.Fill(low2[r]), row, s2);
                s3 = TL.MultiplyAdd(TL.Fill(low3[r]), row, s3);
            }

            TokenNumbers.Store<TV, TL, TNumber>(s0, y + k);
            TokenNumbers.Store<TV, TL, TNumber>(s1, y1 + k);
            TokenNumbers.Store<TV, TL, TNumber>(s2, y2 + k);
            TokenNumbers.Store<TV, TL, TNumber>(s3, y3 + k);
        }
    }

    private static void UpRow<TV, TL>(float* low, int rank, float* b, TNumber* y, int from, int to)
        where TV : struct
        where TL : struct, ILanes<TV>
    {
        for (var k = from; k < to; k += TL.Count)
        {
            var sum = TokenNumbers.Load<TV, TL, TNumber>(y + k);
            var block = b + ((long)k * rank);
            for (var r = 0; r < rank; r++, block += TL.Count) sum = TL.MultiplyAdd(TL.Fill(low[r]), TL.Load(block), sum);
            TokenNumbers.Store<TV, TL, TNumber>(sum, y + k);
        }
    }

    private static void SumColumns<TV, TL>(float* low, TNumber* x, int rows, int rank, int width, int from, int to, float* sums)
        where TV : struct
        where TL : struct, ILanes<TV>
    {
        for (var k = from; k < to; k += TL.Count)
        {
            var block = sums + ((long)k * rank);
            var r = 0;
            for (; r + Tile <= rank; r += Tile, block += Tile * TL.Count)
            {
                float* block1 = block + TL.Count, block2 = block1 + TL.Count, block3 = block2 + TL.Count;
                TV s0 = TL.Load(block), s1 = TL.Load(block1), s2 = TL.Load(block2), s3 = TL.Load(block3);
                TNumber* column = x + k;
                var weights = low + r;
                for (var row = 0; row < rows; row++, column += width, weights += rank)
                {
                    var values = TokenNumbers.Load<TV, TL, TNumber>(column);
                    s0 = TL.MultiplyAdd(TL.Fill(weights[0]), values, s0);
                    s1 = TL.MultiplyAdd(TL.Fill(weights[1]), values, s1);
                    s2 = TL.MultiplyAdd(TL.Fill(weights[2]), values, s2);
                    s3 = TL.MultiplyAdd(TL.Fill(weights[3]), values, s3);
                }

                TL.Store(s0, block);
                TL.Store(s1, block1);
                TL.Store(s2, block2);
                TL.Store(s3, block3);
            }

            for (; r < rank; r++, block += TL.Count)
            {
                var sum = TL.Load(block);
                for (var row = 0; row < rows; row++) sum = TL.MultiplyAdd(TL.Fill(low[((long)row * rank) + r]), TokenNumbers.Load<TV, TL, TNumber>(x + ((long)row * width) + k), sum);
                TL.Store(sum, block);
            }
        }
    }
}
