using ContinualService.Engine.Continual;
using ContinualService.Engine.Data;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using ContinualService.Engine.Tests.Training;
using ContinualService.Engine.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

/// <summary>Sketches against the whole gradient, which a decoder of a few thousand weights allows.</summary>
public sealed class SketchSpaceTests : IDisposable
{
    private const int EveryDirection = 1000;
    private static readonly LoraConfig Config = new(2, 3, ["q_proj", "v_proj", "down_proj"]);
    private static readonly IReadOnlyList<EncodedExample> Rows = TinyModel.Rows(1, 40), Others = TinyModel.Rows(2, 40);

    private readonly Decoder _decoder = TinyModels.Create("llama", "");
    private readonly LoraWeights _head;

    public SketchSpaceTests() => _head = TinyModels.CreateLora(_decoder, Config);

    public void Dispose()
    {
        _head.Dispose();
        _decoder.Dispose();
    }

    [Fact]
    public void Measure_InEveryDirection_IsWhatTheWholeGradientSays()
    {
        using var space = new SketchSpace(_decoder, Config, _head, EveryDirection);
        using var sketch = space.Measure(Rows, TestContext.Current.CancellationToken);

        var whole = Whole(Rows, _head);
        double square = 0, rows = 0, columns = 0, along = 0, delta = 0, rowChance = 0, columnChance = 0;
        foreach (var (g, pair) in whole.Zip(_head.Pairs))
        {
            var (a, b) = (Dense.From(pair.A), Dense.From(pair.B));
            var written = Dense.Scale(pair.Scale, Dense.Mul(b, a));
            square += Square(g);
            rows += Square(Dense.Mul(g, Dense.Projector(a)));
            columns += Square(Dense.Mul(Dense.Projector(Dense.Transpose(b)), g));
            along += Dense.Flat(g).Zip(Dense.Flat(written)).Sum(both => both.First * both.Second);
            delta += Square(written);
            rowChance += Square(g) * 2 / pair.Site.InFeatures;
            columnChance += Square(g) * 2 / pair.Site.OutFeatures;
        }

        var conflict = sketch.Conflict!;
        Assert.Equal(Math.Sqrt(square), sketch.Norm, 1e-4 * Math.Sqrt(square));
        Assert.Equal(rows / square, conflict.RowShare, 1e-4);
        Assert.Equal(columns / square, conflict.ColumnShare, 1e-4);
        Assert.Equal(-along / Math.Sqrt(square * delta), conflict.Cosine, 1e-4);
        Assert.Equal(rowChance / square, conflict.RowShareByChance, 1e-4);
        Assert.Equal(columnChance / square, conflict.ColumnShareByChance, 1e-4);
        Assert.True(Math.Abs(conflict.Cosine) > 1e-3 && conflict.RowShare is > 0.01 and < 0.99 && conflict.ColumnShare is > 0.01 and < 0.99);
        Assert.Equal(Rows.Count, sketch.Rows);
        Assert.Equal(Loss(Rows, 1), sketch.Loss, 1e-5);
    }

    [Fact]
    public void Measure_Cosine_HasTheSignOfTheLossAlongWhatIsWritten()
    {
        using var space = new SketchSpace(_decoder, Config, _head);
        using var sketch = space.Measure(Rows, TestContext.Current.CancellationToken);

        // d/dx of the loss at (1 + x) dW is <G, dW>: no gradient of the engine's is asked.
        var slope = (Loss(Rows, 1.02) - Loss(Rows, 0.98)) / 0.04;
        Assert.Equal(-slope, sketch.Conflict!.Cosine * sketch.Norm * DeltaNorm.Of(_head), 0.02 * Math.Abs(slope));
    }

    [Fact]
    public void Measure_InSomeDirections_IsRightInTheMeanAndExactInside()
    {
        var exact = Square(Whole(Rows, _head));
        List<double> squares = [], inside = [];
        for (var seed = 0; seed < 60; seed++)
        {
            using var space = new SketchSpace(_decoder, Config, _head, width: 5, seed);
            using var sketch = space.Measure(Rows, TestContext.Current.CancellationToken);
            squares.Add(sketch.Norm * sketch.Norm);
            inside.Add(sketch.Conflict!.RowShare * sketch.Norm * sketch.Norm);
            Assert.InRange(sketch.Conflict.Cosine, -1, 1);
        }

        var error = Math.Sqrt(squares.Sum(square => Math.Pow(square - squares.Average(), 2)) / (squares.Count - 1) / squares.Count);
        Assert.InRange(squares.Average(), exact - 3 * error, exact + 3 * error);
        Assert.True(error > 1e-4 * exact && error < 0.1 * exact);
        Assert.All(inside, each => Assert.Equal(inside[0], each, 1e-4 * inside[0]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Cosine_OfTwoTasks_IsThatOfTheirWholeGradients(bool learned)
    {
        var head = learned ? _head : null;
        using var space = new SketchSpace(_decoder, Config, head, EveryDirection);
        using var one = space.Measure(Rows, TestContext.Current.CancellationToken);
        using var other = space.Measure(Others, TestContext.Current.CancellationToken);

        var (first, second) = (Whole(Rows, head), Whole(Others, head));
        var product = first.Zip(second).Sum(both => Dense.Flat(both.First).Zip(Dense.Flat(both.Second)).Sum(pair => pair.First * pair.Second));
        Assert.Equal(product / Math.Sqrt(Square(first) * Square(second)), one.Cosine(other), 1e-4);
        Assert.Equal(one.Cosine(other), other.Cosine(one), 1e-12);
        Assert.Equal(1, one.Cosine(one), 1e-6);
        Assert.Equal(learned, one.Conflict is not null);
        Assert.Equal(Math.Sqrt(Square(first)), one.Norm, 1e-4 * one.Norm);
    }

    /// <summary>G of each adapted layer: the gradient of B beside the head's pair, with the identity as its A.</summary>
    private List<double[,]> Whole(IReadOnlyList<EncodedExample> rows, LoraWeights? head)
    {
        using var scope = NewDisposeScope();
        using var tuning = new Tuning(new LoraWeights([.. LoraWeights.Resolve(_decoder, Config).Select(site =>
        {
            var (pair, identity, nothing) = (head?.At(site.Index), eye(site.InFeatures), zeros(site.OutFeatures, site.InFeatures));
            return pair is null ? new LoraPair(site, identity, nothing, 1) : new LoraPair(site, cat([pair.A, identity], 0), cat([pair.B, nothing], 1), pair.Scale);
        })]));
        using var live = new LiveParameters(tuning, CPU);
        Trainer.Backward(_decoder, tuning.Update(live, null), rows, rows.Sum(Trainer.LabelledTokens));
        return [.. tuning.Lora.Pairs.Select(pair =>
        {
            var rank = head is null ? 0 : 2;
            return Dense.Scale(1 / pair.Scale, Dense.From(live[pair.B].grad!.narrow(1, rank, pair.Site.InFeatures).contiguous()));
        })];
    }

    /// <summary>Mean cross-entropy of the trained tokens with the head's dW times a factor.</summary>
    private double Loss(IReadOnlyList<EncodedExample> rows, double factor)
    {
        using var scope = NewDisposeScope();
        using var scaled = new LoraWeights([.. _head.Pairs.Select(pair => pair with { A = pair.A.clone(), B = pair.B.mul(factor) })]);
        var likelihoods = SequenceScorer.LogProbabilities(_decoder, scaled, [.. rows.Select(row => row.Ids)]);
        var trained = rows.Zip(likelihoods).SelectMany(both => both.Second.Where((_, t) => t > 0 && both.First.Labels[t] != EncodedExample.IgnoreIndex)).ToList();
        return -trained.Average(value => (double)value);
    }

    private static double Square(double[,] matrix) => Dense.Flat(matrix).Sum(value => value * value);

    private static double Square(IEnumerable<double[,]> matrices) => matrices.Sum(Square);
}
