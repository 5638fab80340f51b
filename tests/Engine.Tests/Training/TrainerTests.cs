using ContinualService.Domain.Tasks;
using ContinualService.Engine.Data;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using Xunit;

namespace ContinualService.Engine.Tests.Training;

public sealed class TrainerTests : IDisposable
{
    private readonly Decoder _decoder = TinyModel.Create();
    private readonly TrainingOptions _options = new() { LearningRate = 1e-2, Epochs = 2, BatchSize = 4, Seed = 7 };

    public void Dispose() => _decoder.Dispose();

    [Fact]
    public void Fit_SameSeed_SameWeightsBitForBit()
    {
        var options = _options with { Dropout = 0.2 };
        Assert.Equal(Trained(options), Trained(options));
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.2)]
    public void Fit_OtherSeed_OtherWeights(double dropout) =>
        Assert.NotEqual(Trained(_options with { Dropout = dropout }), Trained(_options with { Dropout = dropout, Seed = 8 }));

    [Fact]
    public void Fit_Dropout_ChangesResultButNotOrder() => Assert.NotEqual(Trained(_options), Trained(_options with { Dropout = 0.2 }));

    [Fact]
    public void Fit_MicroBatches_SameAsWholeBatch()
    {
        // Rows of unequal length and unequal numbers of labels: a mean of means would differ.
        var options = _options with { BatchSize = 6 };
        double[] whole = [.. Trained(options).Select(value => (double)value)];
        Numbers.AssertClose(whole, Trained(options with { MicroBatches = MicroBatching.Read("1") }), 1e-4, "micro-batches of 1");
        Numbers.AssertClose(whole, Trained(options with { MicroBatches = MicroBatching.Read("4") }), 1e-4, "micro-batches of 4 and 2");
    }

    [Fact]
    public void Fit_LearningRateZero_ChangesNothing()
    {
        using var lora = TinyModel.FirstLora(_decoder);
        var before = Numbers.Of(lora);
        Trainer.Fit(_decoder, lora, TinyModel.Rows(1), _options with { LearningRate = 0, WeightDecay = 0.1, Dropout = 0.1 }, null, TestContext.Current.CancellationToken);
        Assert.Equal(before.Select(BitConverter.SingleToInt32Bits), Numbers.Of(lora).Select(BitConverter.SingleToInt32Bits));
    }

    [Fact]
    public void Fit_IgnoredPositions_DoNotCount()
    {
        // The last token is an input to nothing that is labelled, and not a label itself: its value cannot matter.
        EncodedExample Row(int last) => new([5, 6, 7, 8, last], [-100, -100, 7, 8, -100], [5, 6], null, []);
        Assert.Equal(Trained(_options, [Row(9)]), Trained(_options, [Row(10)]));
        Assert.NotEqual(Trained(_options, [Row(9)]), Trained(_options, [new([5, 6, 7, 8, 9], [-100, -100, 7, 8, 9], [5, 6], null, [])]));
    }

    [Fact]
    public void Fit_Progress_ReportsEveryStepInOrder()
    {
        List<TrainingStep> steps = [];
        using var lora = TinyModel.FirstLora(_decoder);
        var outcome = Trainer.Fit(_decoder, lora, TinyModel.Rows(1), _options, new SynchronousProgress<TrainingStep>(steps.Add), TestContext.Current.CancellationToken);
        Assert.Equal([1, 2, 3, 4], steps.Select(step => step.Step));
        Assert.All(steps, step => Assert.Equal(4, step.TotalSteps));
        Assert.Equal(2 * TinyModel.Rows(1).Sum(Trainer.LabelledTokens), steps[^1].Tokens);
        Assert.Equal(steps[^1].Loss, outcome.LastLoss);
    }

    [Fact]
    public void Fit_Cancelled_StopsBetweenStepsAndChangesNothing()
    {
        using var cancellation = new CancellationTokenSource();
        using var lora = TinyModel.FirstLora(_decoder);
        var before = Numbers.Of(lora);
        List<int> steps = [];
        var progress = new SynchronousProgress<TrainingStep>(step =>
        {
            steps.Add(step.Step);
            if (step.Step == 2) cancellation.Cancel();
        });
        Assert.Throws<OperationCanceledException>(() => Trainer.Fit(_decoder, lora, TinyModel.Rows(1), _options, progress, cancellation.Token));
        Assert.Equal([1, 2], steps);
        Assert.Equal(before, Numbers.Of(lora));
    }

    [Fact]
    public void Fit_NotANumber_SaysWhatToDoAndChangesNothing()
    {
        using var lora = TinyModel.FirstLora(_decoder);
        lora.Pairs[0].A.fill_(float.PositiveInfinity);
        var error = Assert.Throws<TrainingDivergedException>(() => Trainer.Fit(_decoder, lora, TinyModel.Rows(1), _options, null, TestContext.Current.CancellationToken));
        Assert.Contains("step 1", error.Message, StringComparison.Ordinal);
        Assert.Contains("lower learning rate", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fit_NoLabelledToken_IsRefused()
    {
        using var lora = TinyModel.FirstLora(_decoder);
        Assert.Throws<ArgumentException>(() => Trainer.Fit(_decoder, lora, [new EncodedExample([1, 2, 3], [-100, -100, -100], [1], null, [])], _options, null, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Fit_WrongOptions_NamesEachOfThem()
    {
        using var lora = TinyModel.FirstLora(_decoder);
        var error = Assert.Throws<ArgumentException>(() => Trainer.Fit(_decoder, lora, TinyModel.Rows(1), _options with { LearningRate = double.NaN, Dropout = 1 }, null, TestContext.Current.CancellationToken));
        Assert.Contains("LearningRate is NaN", error.Message, StringComparison.Ordinal);
        Assert.Contains("Dropout is 1", error.Message, StringComparison.Ordinal);
    }

    private float[] Trained(TrainingOptions options, IReadOnlyList<EncodedExample>? rows = null)
    {
        using var lora = TinyModel.FirstLora(_decoder);
        Trainer.Fit(_decoder, lora, rows ?? TinyModel.Rows(1), options, null, TestContext.Current.CancellationToken);
        return Numbers.Of(lora);
    }
}
