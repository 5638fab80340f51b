using ContinualService.Domain.Forecasts;
using ContinualService.Engine.Data;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>
/// Directions in which the gradient G [out, in] of a task's loss with respect to an adapted layer's weights is looked at, at a head that serves dW = s B A, without G itself.
/// A pair that is wider than the head's gives the same function and, in its own gradients, G seen from both sides:
/// <list type="bullet">
/// <item>A = [A; Q^T; O^T; 0; 0] and B = [B, 0, 0, P, N], with Q a basis of A's rows, O random directions outside of them, P a basis of B's columns, N random directions outside of them;</item>
/// <item>the gradient of B is s G A^T: G A^T, G Q and G O; the gradient of A is s B^T G: P^T G and N^T G.</item>
/// </list>
/// What lies inside a space is exact. What lies outside has d dimensions, of which w random ones are looked at: d / w of their square is its estimate, and exact where w = d.
/// Its size depends on the adapter's shape, not on the tasks it has learned.
/// </summary>
public sealed class SketchSpace : IDisposable
{
    /// <summary>Random directions on each side, as many as there are at most.</summary>
    public const int Width = 16;

    private const int BatchRows = 8;
    private const string Purpose = "sketch";

    private readonly Decoder _decoder;
    private readonly Tuning _probe;
    private readonly IReadOnlyList<Side> _rows;
    private readonly IReadOnlyList<Side> _columns;
    private readonly IReadOnlyList<int> _ranks;
    private readonly double _norm;

    /// <param name="decoder">The base.</param>
    /// <param name="config">One task's shape: the layers.</param>
    /// <param name="head">What serves; null: the bare base.</param>
    /// <param name="width">Random directions on each side.</param>
    /// <param name="seed">Of the random directions; the same gives the same.</param>
    public SketchSpace(Decoder decoder, LoraConfig config, LoraWeights? head, int width = Width, long seed = 0)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new SeedStreams(seed).TensorGenerator(Purpose);
        List<Side> rows = [], columns = [];
        List<LoraPair> pairs = [];
        foreach (var site in LoraWeights.Resolve(decoder, config))
        {
            var pair = head?.At(site.Index);
            var (row, inputs) = Side.Of(pair?.A, site.InFeatures, width, generator); // [in, k + w]
            var (column, outputs) = Side.Of(pair?.B.t(), site.OutFeatures, width, generator); // [out, l + v]
            var rank = pair is null ? 0 : (int)pair.A.shape[0];
            Tensor[] a = [inputs.t(), zeros(column.Count, site.InFeatures, Precision.Merge)], b = [zeros(site.OutFeatures, row.Count, Precision.Merge), outputs];
            if (pair is not null) (a, b) = ([pair.A.to(CPU).to(Precision.Merge), .. a], [pair.B.to(CPU).to(Precision.Merge), .. b]);
            pairs.Add(new LoraPair(site, cat(a, 0).to(Precision.Master).to(decoder.Device), cat(b, 1).to(Precision.Master).to(decoder.Device), pair?.Scale ?? 1));
            rows.Add(row with { Offset = rank });
            columns.Add(column with { Offset = rank + row.Count });
        }

        (_decoder, _rows, _columns, _ranks) = (decoder, rows, columns, [.. rows.Select(row => row.Offset)]);
        _probe = new Tuning(new LoraWeights(pairs));
        _norm = head is null ? 0 : DeltaNorm.Of(head);
    }

    /// <summary>Looks at the gradient of the mean cross-entropy over the trained tokens of these rows, without dropout.</summary>
    /// <param name="rows">At least one of them has a trained token.</param>
    /// <param name="cancellation">Ends it with <see cref="OperationCanceledException"/>.</param>
    public GradientSketch Measure(IReadOnlyList<EncodedExample> rows, CancellationToken cancellation = default)
    {
        using var live = new LiveParameters(_probe, _decoder.Device);
        var (tokens, loss) = (rows.Sum(Trainer.LabelledTokens), 0.0);
        foreach (var batch in rows.Chunk(BatchRows))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            loss += Trainer.Backward(_decoder, _probe.Update(live, null), batch, tokens).item<float>();
        }

        using var whole = NewDisposeScope();
        using var noGrad = no_grad();
        List<Tensor> seen = [];
        double along = 0, square = 0, rowSquare = 0, columnSquare = 0, columnTotal = 0, rowChance = 0, columnChance = 0;
        for (var index = 0; index < _rows.Count; index++)
        {
            var (pair, row, column) = (_probe.Lora.Pairs[index], _rows[index], _columns[index]);
            var ofB = live[pair.B].grad!.to(CPU).to(Precision.Merge).div(pair.Scale); // [out, R + k + w + l + v]: G A^T, G Q, G O
            var ofA = live[pair.A].grad!.to(CPU).to(Precision.Merge).div(pair.Scale); // [R + k + w + l + v, in]: .., P^T G, N^T G
            var (atRows, atColumns) = (row.Of(ofB, 1), column.Of(ofA, 0)); // [out, k + w], [l + v, in]
            // <G, s B A> = s <G A^T, B>.
            if (_ranks[index] > 0) along += pair.Scale * ofB.narrow(1, 0, _ranks[index]).mul(pair.B.narrow(1, 0, _ranks[index]).to(CPU).to(Precision.Merge)).sum().item<double>();
            var (inside, total) = (Square(atRows.narrow(1, 0, row.Inside)), Square(atRows));
            (square, rowSquare, rowChance) = (square + total, rowSquare + inside, rowChance + total * row.Inside / pair.Site.InFeatures);
            (columnSquare, columnTotal) = (columnSquare + Square(atColumns.narrow(0, 0, column.Inside)), columnTotal + Square(atColumns));
            columnChance += total * column.Inside / pair.Site.OutFeatures;
            seen.Add(atRows.to(Precision.Master).DetachFromDisposeScope());
        }

        var conflict = _norm == 0 || square == 0 ? null : new TaskConflict(
            -along / (Math.Sqrt(square) * _norm), rowSquare / square, columnTotal == 0 ? 0 : columnSquare / columnTotal, rowChance / square, columnChance / square);
        return new GradientSketch(seen, Math.Sqrt(square), loss, rows.Count, conflict);

        // An empty part has no sum to ask for.
        static double Square(Tensor part) => part.numel() == 0 ? 0 : part.square().sum().item<double>();
    }

    public void Dispose() => _probe.Dispose();

    /// <summary>One side of a layer: first the head's space, then random directions outside of it.</summary>
    /// <param name="Offset">Where they begin in the wide pair.</param>
    /// <param name="Inside">Directions of the head's space.</param>
    /// <param name="Outside">Random ones.</param>
    /// <param name="Weight">What the random ones are multiplied by, so that the square of what is seen is the estimate of the whole.</param>
    private sealed record Side(int Offset, int Inside, int Outside, double Weight)
    {
        public int Count => Inside + Outside;

        /// <summary>Directions [size, k + w] in the caller's dispose scope.</summary>
        /// <param name="matrix">Its rows span the head's space; null: there is none.</param>
        /// <param name="size">Numbers of a row.</param>
        /// <param name="width">Random directions at most.</param>
        /// <param name="generator">Draws them.</param>
        public static (Side Side, Tensor Directions) Of(Tensor? matrix, int size, int width, Generator generator)
        {
            var basis = matrix is null ? zeros(size, 0, Precision.Merge) : RowSpace.Basis(matrix); // [size, k]
            var inside = (int)basis.shape[1];
            var outside = Math.Min(width, size - inside);
            var drawn = randn(size, outside, Precision.Merge, generator: generator); // [size, w]
            // Twice: what the first subtraction leaves of the basis is its rounding.
            for (var turn = 0; turn < 2 && inside > 0; turn++) drawn = drawn.sub(basis.mm(basis.t().mm(drawn)));
            if (outside > 0) drawn = linalg.qr(drawn).Q;
            return (new Side(0, inside, outside, outside == 0 ? 1 : Math.Sqrt((double)(size - inside) / outside)), cat([basis, drawn], 1));
        }

        /// <summary>This side of a gradient [.., dimension of directions, ..] whose places are directions.</summary>
        public Tensor Of(Tensor gradient, int dimension) =>
            cat([gradient.narrow(dimension, Offset, Inside), gradient.narrow(dimension, Offset + Inside, Outside).mul(Weight)], dimension);
    }
}
