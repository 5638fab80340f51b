using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Kernels;

/// <summary>
/// Products of a few rows with large matrices, in float32 on the CPU: what generating one token for each of some sequences consists of. General libraries
/// rearrange the large matrix first, which costs more than the product when it has few rows; these read it once, in place. A row's result does not depend on
/// the rows beside it, to the last bit. Belongs to one thread.
/// </summary>
internal sealed unsafe class CpuKernels(int threads) : IDisposable
{
    /// <summary>With more rows a general product pays.</summary>
    public const int MaxRows = 32;

    private const int WeightsPerPart = 1 << 16;

    private readonly WorkTeam _team = new(threads);

    /// <summary>Keys and values of one sequence, each [G, capacity, K], that the token in this row of the batch is to see from <paramref name="From"/> on, its own included.</summary>
    public readonly record struct Row(int Index, Tensor Keys, Tensor Values, int Capacity, int From, int Position);

    public void Dispose() => _team.Dispose();

    /// <summary><paramref name="x"/> [N, in] times <paramref name="weight"/> [out, in] transposed, plus <paramref name="bias"/> [out], to [N, out]. Belongs to the caller's dispose scope.</summary>
    public Tensor Linear(Tensor x, Tensor weight, Tensor? bias)
    {
        var (rows, width, outputs) = ((int)x.shape[0], (int)weight.shape[1], (int)weight.shape[0]);
        var y = empty([rows, outputs], float32);
        float* px = Pointer(x), pw = Pointer(weight), pb = bias is null ? null : Pointer(bias), py = Pointer(y);
        var parts = (int)Math.Max(1, (long)width * outputs / WeightsPerPart);
        _team.Run(parts, part => Product(px, rows, width, pw, pb, py, outputs, Share(outputs, parts, part), Share(outputs, parts, part + 1)));
        return y;
    }

    /// <summary>
    /// Adds to row n of <paramref name="y"/> [N, out] the low-rank product of its own slot: <paramref name="down"/> [S * R, in], <paramref name="up"/> [S * R, out].
    /// No other slot is read, whatever it holds.
    /// </summary>
    /// <param name="slots">The slot of each row from <paramref name="start"/> on; -1: none.</param>
    public void AddLowRank(Tensor y, Tensor x, int start, int[] slots, Tensor down, Tensor up, int rank)
    {
        var (width, outputs) = ((int)x.shape[1], (int)y.shape[1]);
        float* px = Pointer(x), py = Pointer(y), pd = Pointer(down), pu = Pointer(up);
        _team.Run(slots.Length, part =>
        {
            if (slots[part] < 0) return;
            float* input = px + ((long)(start + part) * width), output = py + ((long)(start + part) * outputs);
            var first = (long)slots[part] * rank;
            for (var r = first; r < first + rank; r++)
            {
                var low = Dot(input, pd + (r * width), width);
                if (low != 0) AddScaled(output, pu + (r * outputs), low, outputs);
            }
        });
    }

    /// <summary>
    /// Attention of rows that are one token of a sequence each. <paramref name="query"/> [H, N, K], <paramref name="key"/> and <paramref name="value"/> [G, N, K], all
    /// contiguous; a row's key and value are stored at its position, and its mix goes to <paramref name="mixed"/> [H, N, K].
    /// </summary>
    public void Attend(Tensor mixed, Tensor query, Tensor key, Tensor value, IReadOnlyList<Row> rows)
    {
        var (heads, groups, count, width) = ((int)query.shape[0], (int)key.shape[0], (int)query.shape[1], (int)query.shape[2]);
        float* pm = Pointer(mixed), pq = Pointer(query), pk = Pointer(key), pv = Pointer(value);
        var caches = new (nint Keys, nint Values)[rows.Count];
        for (var i = 0; i < caches.Length; i++) caches[i] = ((nint)Pointer(rows[i].Keys), (nint)Pointer(rows[i].Values));
        var scale = 1f / MathF.Sqrt(width);
        _team.Run(rows.Count * groups, part =>
        {
            var (row, group) = (rows[part / groups], part % groups);
            var first = (long)group * row.Capacity * width;
            float* keys = (float*)caches[part / groups].Keys + first, values = (float*)caches[part / groups].Values + first;
            var own = (((long)group * count) + row.Index) * width;
            Copy(pk + own, keys + ((long)row.Position * width), width);
            Copy(pv + own, values + ((long)row.Position * width), width);
            var scores = ArrayPool<float>.Shared.Rent(row.Position + 1 - row.From);
            for (var head = group * (heads / groups); head < (group + 1) * (heads / groups); head++)
            {
                var at = (((long)head * count) + row.Index) * width;
                Mix(pm + at, pq + at, keys + ((long)row.From * width), values + ((long)row.From * width), scores.AsSpan(0, row.Position + 1 - row.From), width, scale);
            }

            ArrayPool<float>.Shared.Return(scores);
        });
    }

    /// <summary>Softmax of query times keys, times values.</summary>
    private static void Mix(float* mixed, float* query, float* keys, float* values, Span<float> scores, int width, float scale)
    {
        var largest = float.NegativeInfinity;
        for (var s = 0; s < scores.Length; s++)
        {
            scores[s] = Dot(query, keys + ((long)s * width), width) * scale;
            largest = Math.Max(largest, scores[s]);
        }

        var total = 0f;
        for (var s = 0; s < scores.Length; s++) total += scores[s] = MathF.Exp(scores[s] - largest);
        new Span<float>(mixed, width).Clear();
        for (var s = 0; s < scores.Length; s++) AddScaled(mixed, values + ((long)s * width), scores[s] / total, width);
    }

    private static void Product(float* x, int rows, int width, float* weight, float* bias, float* y, int outputs, int from, int to)
    {
        var output = from;
        for (; output + 4 <= to; output += 4)
        {
            var w = weight + ((long)output * width);
            var row = 0;
            for (; row + 2 <= rows; row += 2) FourByTwo(x + ((long)row * width), w, y + ((long)row * outputs) + output, width, outputs);
            for (; row < rows; row++) FourByOne(x + ((long)row * width), w, y + ((long)row * outputs) + output, width);
        }

        for (; output < to; output++)
            for (var row = 0; row < rows; row++) y[((long)row * outputs) + output] = Dot(x + ((long)row * width), weight + ((long)output * width), width);

        if (bias is null) return;
        for (var row = 0; row < rows; row++)
            for (output = from; output < to; output++) y[((long)row * outputs) + output] += bias[output];
    }

    // Every sum below goes through one accumulator in the same order: a row gives the same bits in each of the shapes.
    private static void FourByTwo(float* x, float* w, float* y, int width, int outputs)
    {
        float* x1 = x + width, w1 = w + width, w2 = w + (2L * width), w3 = w + (3L * width);
        Vector<float> s00 = default, s01 = default, s02 = default, s03 = default, s10 = default, s11 = default, s12 = default, s13 = default;
        var k = 0;
        for (; k + Vector<float>.Count <= width; k += Vector<float>.Count)
        {
            Vector<float> a = Vector.Load(x + k), b = Vector.Load(x1 + k);
            var weight = Vector.Load(w + k);
            s00 = Vector.MultiplyAddEstimate(a, weight, s00);
            s10 = Vector.MultiplyAddEstimate(b, weight, s10);
            weight = Vector.Load(w1 + k);
            s01 = Vector.MultiplyAddEstimate(a, weight, s01);
            s11 = Vector.MultiplyAddEstimate(b, weight, s11);
            weight = Vector.Load(w2 + k);
            s02 = Vector.MultiplyAddEstimate(a, weight, s02);
            s12 = Vector.MultiplyAddEstimate(b, weight, s12);
            weight = Vector.Load(w3 + k);
            s03 = Vector.MultiplyAddEstimate(a, weight, s03);
            s13 = Vector.MultiplyAddEstimate(b, weight, s13);
        }

        y[0] = Rest(x, w, k, width, Vector.Sum(s00));
        y[1] = Rest(x, w1, k, width, Vector.Sum(s01));
        y[2] = Rest(x, w2, k, width, Vector.Sum(s02));
        y[3] = Rest(x, w3, k, width, Vector.Sum(s03));
        y += outputs;
        y[0] = Rest(x1, w, k, width, Vector.Sum(s10));
        y[1] = Rest(x1, w1, k, width, Vector.Sum(s11));
        y[2] = Rest(x1, w2, k, width, Vector.Sum(s12));
        y[3] = Rest(x1, w3, k, width, Vector.Sum(s13));
    }

    private static void FourByOne(float* x, float* w, float* y, int width)
    {
        float* w1 = w + width, w2 = w + (2L * width), w3 = w + (3L * width);
        Vector<float> s0 = default, s1 = default, s2 = default, s3 = default;
        var k = 0;
        for (; k + Vector<float>.Count <= width; k += Vector<float>.Count)
        {
            var a = Vector.Load(x + k);
            s0 = Vector.MultiplyAddEstimate(a, Vector.Load(w + k), s0);
            s1 = Vector.MultiplyAddEstimate(a, Vector.Load(w1 + k), s1);
            s2 = Vector.MultiplyAddEstimate(a, Vector.Load(w2 + k), s2);
            s3 = Vector.MultiplyAddEstimate(a, Vector.Load(w3 + k), s3);
        }

        y[0] = Rest(x, w, k, width, Vector.Sum(s0));
        y[1] = Rest(x, w1, k, width, Vector.Sum(s1));
        y[2] = Rest(x, w2, k, width, Vector.Sum(s2));
        y[3] = Rest(x, w3, k, width, Vector.Sum(s3));
    }

    private static float Dot(float* a, float* b, int width)
    {
        Vector<float> sum = default;
        var k = 0;
        for (; k + Vector<float>.Count <= width; k += Vector<float>.Count) sum = Vector.MultiplyAddEstimate(Vector.Load(a + k), Vector.Load(b + k), sum);
        return Rest(a, b, k, width, Vector.Sum(sum));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Rest(float* a, float* b, int k, int width, float sum)
    {
        for (; k < width; k++) sum += a[k] * b[k];
        return sum;
    }

    private static void AddScaled(float* y, float* x, float scale, int width)
    {
        var factor = new Vector<float>(scale);
        var k = 0;
        for (; k + Vector<float>.Count <= width; k += Vector<float>.Count) Vector.MultiplyAddEstimate(factor, Vector.Load(x + k), Vector.Load(y + k)).Store(y + k);
        for (; k < width; k++) y[k] += scale * x[k];
    }

    private static void Copy(float* from, float* to, int count) => new Span<float>(from, count).CopyTo(new Span<float>(to, count));

    // In fours, which the products take at once.
    private static int Share(int total, int parts, int part) => part == parts ? total : (int)((long)total * part / parts / 4 * 4);

    private static float* Pointer(Tensor tensor)
    {
        if (tensor.dtype != float32 || !tensor.is_contiguous()) throw new ArgumentException($"Kernels take contiguous float32 tensors; this is {tensor.dtype}, contiguous: {tensor.is_contiguous()}.", nameof(tensor));
        if (tensor.numel() <= int.MaxValue / sizeof(float)) return (float*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(tensor.bytes));
        using var first = tensor.view(-1).narrow(0, 0, 1); // a span ends at 2 GiB
        return (float*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(first.bytes));
    }
}
