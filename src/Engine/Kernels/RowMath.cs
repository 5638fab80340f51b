using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ContinualService.Engine.Kernels;

/// <summary>The loops of <see cref="CpuKernels"/> over plain memory.</summary>
internal abstract unsafe class RowMath
{
    /// <summary>In the widest registers that this processor is quick with.</summary>
    public static RowMath Best { get; } = Vector512.IsHardwareAccelerated ? new RowMath<Vector512<float>, Lanes512>() : new RowMath<Vector256<float>, Lanes256>();

    /// <summary>Outputs <paramref name="from"/> to <paramref name="to"/> of x [rows, width] times weight [outputs, width] transposed, plus bias [outputs] unless null, to y [rows, outputs].</summary>
    public abstract void Product(float* x, int rows, int width, float* weight, float* bias, float* y, int outputs, int from, int to);

    /// <summary>Adds to y [outputs] what x [width] gives by way of down [rank, width] and up [rank, outputs].</summary>
    public abstract void AddLowRank(float* y, float* x, float* down, float* up, int rank, int width, int outputs);

    /// <summary>Softmax of query [width] times keys [seen, width], times values [seen, width], to mixed [width]. Scores [seen] are scratch.</summary>
    public abstract void Mix(float* mixed, float* query, float* keys, float* values, float* scores, int seen, int width, float scale);
}

/// <summary>
/// The same in registers of one width. Every dot product goes through one accumulator in the order of the columns, whatever is computed
/// beside it: that is why a row's result does not depend on its neighbours.
/// </summary>
internal sealed unsafe class RowMath<TVector, TLanes> : RowMath
    where TVector : struct
    where TLanes : struct, ILanes<TVector>
{
    // Outputs and rows that are computed at once.
    private const int Tile = DotMath.Tile;

    public override void Product(float* x, int rows, int width, float* weight, float* bias, float* y, int outputs, int from, int to)
    {
        var whole = TokenNumbers.Whole<TVector, TLanes>(width);
        var sums = stackalloc float[Tile * Tile * TLanes.Count];
        var output = from;
        for (; rows >= Tile && output + Tile <= to; output += Tile)
        {
            var w = weight + ((long)output * width);
            // The weights come from memory once, for the first rows; what they will need next is asked for meanwhile.
            var ahead = output + (2 * Tile) <= to ? w + ((long)Tile * width) : null;
            var row = 0;
            for (; row + Tile <= rows; row += Tile, ahead = null)
            {
                var first = x + ((long)row * width);
                DotMath.Square<TVector, TLanes, float>(first, width, w, width, TLanes.Count, ahead, whole, sums);
                for (var i = 0; i < Tile; i++)
                    for (var j = 0; j < Tile; j++) y[((long)(row + i) * outputs) + output + j] = Rest(first + ((long)i * width), w + ((long)j * width), whole, width, TLanes.Load(sums + (((i * Tile) + j) * TLanes.Count)));
            }

            for (; row < rows; row++)
                for (var i = 0; i < Tile; i++) y[((long)row * outputs) + output + i] = Dot(x + ((long)row * width), w + ((long)i * width), width);
        }

        // Few rows wait for memory, not for arithmetic, and nothing comes faster than a matrix read from its beginning to its end.
        for (; output < to; output++)
            for (var row = 0; row < rows; row++) y[((long)row * outputs) + output] = Dot(x + ((long)row * width), weight + ((long)output * width), width);

        if (bias is null) return;
        for (var row = 0; row < rows; row++)
            for (output = from; output < to; output++) y[((long)row * outputs) + output] += bias[output];
    }

    public override void AddLowRank(float* y, float* x, float* down, float* up, int rank, int width, int outputs)
    {
        for (var r = 0; r < rank; r++)
        {
            var low = Dot(x, down + ((long)r * width), width);
            if (low != 0) AddScaled(y, up + ((long)r * outputs), low, outputs);
        }
    }

    public override void Mix(float* mixed, float* query, float* keys, float* values, float* scores, int seen, int width, float scale)
    {
        var largest = float.NegativeInfinity;
        for (var s = 0; s < seen; s++)
        {
            scores[s] = Dot(query, keys + ((long)s * width), width) * scale;
            largest = Math.Max(largest, scores[s]);
        }

        var total = 0f;
        for (var s = 0; s < seen; s++) total += scores[s] = MathF.Exp(scores[s] - largest);
        new Span<float>(mixed, width).Clear();
        for (var s = 0; s < seen; s++) AddScaled(mixed, values + ((long)s * width), scores[s] / total, width);
    }

    private static float Dot(float* a, float* b, int width)
    {
        TVector sum = default;
        var k = 0;
        for (; k + TLanes.Count <= width; k += TLanes.Count) sum = TLanes.MultiplyAdd(TLanes.Load(a + k), TLanes.Load(b + k), sum);
        return Rest(a, b, k, width, sum);
    }

    /// <summary>y + scale * x, in place.</summary>
    private static void AddScaled(float* y, float* x, float scale, int width)
    {
        var factor = TLanes.Fill(scale);
        var k = 0;
        for (; k + TLanes.Count <= width; k += TLanes.Count) TLanes.Store(TLanes.MultiplyAdd(factor, TLanes.Load(x + k), TLanes.Load(y + k)), y + k);
        for (; k < width; k++) y[k] += scale * x[k];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Rest(float* a, float* b, int k, int width, TVector vectors)
    {
        var sum = TLanes.Sum(vectors);
        for (; k < width; k++) sum += a[k] * b[k];
        return sum;
    }
}
