using System.Buffers;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Kernels;

/// <summary>
/// Products of a few rows with large matrices, in float32 on the CPU: what generating one token for each of some sequences consists of. General libraries
/// rearrange the large matrix first, which costs more than the product when it has few rows; these read it once, in place. A row's result does not depend on
/// the rows beside it, to the last bit. Belongs to one thread.
/// </summary>
internal sealed unsafe class CpuKernels : IDisposable
{
    /// <summary>With more rows a general product pays.</summary>
    public const int MaxRows = 32;

    private const int WeightsPerPart = 1 << 16;

    private readonly WorkTeam _team;
    private readonly Action<int> _productPart, _lowRankPart; // made once: jobs are many
    private ProductJob _product;
    private LowRankJob _lowRank;

    private readonly struct ProductJob(float* x, int rows, int width, float* weight, float* bias, float* y, int outputs, int parts)
    {
        public int Parts => parts;

        public void Run(RowMath math, int part) => math.Product(x, rows, width, weight, bias, y, outputs, Share(outputs, parts, part), Share(outputs, parts, part + 1));
    }

    private readonly struct LowRankJob(float* y, float* x, int width, int outputs, ReadOnlyMemory<int> slots, float* down, float* up, int rank)
    {
        public void Run(RowMath math, int row)
        {
            if (slots.Span[row] is var slot && slot < 0) return;
            var first = (long)slot * rank;
            math.AddLowRank(y + ((long)row * outputs), x + ((long)row * width), down + (first * width), up + (first * outputs), rank, width, outputs);
        }
    }

    /// <param name="threads">The calling one included.</param>
    public CpuKernels(int threads)
        : this(threads, RowMath.Best)
    {
    }

    /// <inheritdoc cref="CpuKernels(int)"/>
    /// <param name="threads">As there.</param>
    /// <param name="math">In registers of which width.</param>
    public CpuKernels(int threads, RowMath math)
    {
        (_team, Math) = (new WorkTeam(threads), math);
        (_productPart, _lowRankPart) = (part => _product.Run(Math, part), part => _lowRank.Run(Math, part));
    }

    /// <summary>Keys and values of one sequence, each [G, capacity, K], that the token in this row of the batch is to see from <paramref name="From"/> on, its own included.</summary>
    public readonly record struct Row(int Index, Tensor Keys, Tensor Values, int Capacity, int From, int Position);

    public void Dispose() => _team.Dispose();

    /// <summary>The loops for one row, to be called from a job's parts.</summary>
    public RowMath Math { get; }

    /// <summary>Calls <paramref name="work"/> once for each part, on all threads.</summary>
    public void Run(int parts, Action<int> work) => _team.Run(parts, work);

    /// <summary><paramref name="x"/> [N, in] times <paramref name="weight"/> [out, in] transposed, plus <paramref name="bias"/> [out], to [N, out]. Belongs to the caller's dispose scope.</summary>
    public Tensor Linear(Tensor x, Tensor weight, Tensor? bias)
    {
        var (rows, width, outputs) = ((int)x.shape[0], (int)weight.shape[1], (int)weight.shape[0]);
        var y = empty([rows, outputs], float32);
        Linear(Pointer(x), rows, width, Pointer(weight), bias is null ? null : Pointer(bias), Pointer(y), outputs);
        return y;
    }

    /// <inheritdoc cref="Linear(Tensor, Tensor, Tensor)"/>
    public void Linear(float* x, int rows, int width, float* weight, float* bias, float* y, int outputs)
    {
        _product = new ProductJob(x, rows, width, weight, bias, y, outputs, (int)System.Math.Max(1, (long)width * outputs / WeightsPerPart));
        _team.Run(_product.Parts, _productPart);
    }

    /// <summary>
    /// Adds to row n of <paramref name="y"/> [N, out] the low-rank product of its own slot: <paramref name="down"/> [S * R, in], <paramref name="up"/> [S * R, out].
    /// No other slot is read, whatever it holds.
    /// </summary>
    /// <param name="slots">The slot of each row from <paramref name="start"/> on; -1: none.</param>
    public void AddLowRank(Tensor y, Tensor x, int start, int[] slots, Tensor down, Tensor up, int rank)
    {
        var (width, outputs) = ((int)x.shape[1], (int)y.shape[1]);
        AddLowRank(Pointer(y) + ((long)start * outputs), Pointer(x) + ((long)start * width), width, outputs, slots, Pointer(down), Pointer(up), rank);
    }

    /// <inheritdoc cref="AddLowRank(Tensor, Tensor, int, int[], Tensor, Tensor, int)"/>
    public void AddLowRank(float* y, float* x, int width, int outputs, ReadOnlyMemory<int> slots, float* down, float* up, int rank)
    {
        _lowRank = new LowRankJob(y, x, width, outputs, slots, down, up, rank);
        _team.Run(slots.Length, _lowRankPart);
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
        _team.Run(rows.Count * groups, part =>
        {
            var (row, group) = (rows[part / groups], part % groups);
            var first = (long)group * row.Capacity * width;
            float* keys = (float*)caches[part / groups].Keys + first, values = (float*)caches[part / groups].Values + first;
            var own = (((long)group * count) + row.Index) * width;
            Copy(pk + own, keys + ((long)row.Position * width), width);
            Copy(pv + own, values + ((long)row.Position * width), width);
            for (var head = group * (heads / groups); head < (group + 1) * (heads / groups); head++)
            {
                var at = (((long)head * count) + row.Index) * width;
                Mix(pm + at, pq + at, keys + ((long)row.From * width), values + ((long)row.From * width), row.Position + 1 - row.From, width);
            }
        });
    }

    /// <summary>One query [K] over <paramref name="seen"/> keys and values, each [seen, K], to <paramref name="mixed"/> [K]; a part of a job.</summary>
    public void Mix(float* mixed, float* query, float* keys, float* values, int seen, int width)
    {
        var scores = ArrayPool<float>.Shared.Rent(seen);
        fixed (float* first = scores) Math.Mix(mixed, query, keys, values, first, seen, width, 1f / MathF.Sqrt(width));
        ArrayPool<float>.Shared.Return(scores);
    }

    private static void Copy(float* from, float* to, int count) => new Span<float>(from, count).CopyTo(new Span<float>(to, count));

    // In fours, which the products take at once.
    private static int Share(int total, int parts, int part) => part == parts ? total : (int)((long)total * part / parts / 4 * 4);

    /// <summary>Whether a model's weights are what the kernels take.</summary>
    public static bool CanRun(Decoder decoder) => decoder.OnCpu && decoder.DType == float32;

    /// <inheritdoc cref="Pointer"/>
    public static nint Address(Tensor tensor) => (nint)Pointer(tensor);

    /// <summary>Where a contiguous float32 tensor begins.</summary>
    public static float* Pointer(Tensor tensor)
    {
        if (tensor.dtype != float32) throw new ArgumentException($"These kernels take float32 tensors; this is {tensor.dtype}.", nameof(tensor));
        return (float*)TensorMemory.Of(tensor);
    }
}
