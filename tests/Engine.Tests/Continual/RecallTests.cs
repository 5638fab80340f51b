using ContinualService.Engine.Continual;
using ContinualService.Engine.Data;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Training;
using ContinualService.Engine.Text;
using ContinualService.Engine.Training;
using Xunit;

namespace ContinualService.Engine.Tests.Continual;

public sealed class RecallTests : IDisposable
{
    private const int Ignore = EncodedExample.IgnoreIndex;
    private const int End = 40;

    private static readonly TrainingOptions Options = new() { LearningRate = 1e-2, Epochs = 1, BatchSize = 2, MaxSequenceLength = 16, Seed = 7 };

    // A turn begins with 1 and ends with 9, special, 20 and 21.
    private static readonly UserTurn Turn = new([1], [9, 20, 21], [true, false, false]);

    private readonly Decoder _decoder = TinyModel.Create();

    public void Dispose() => _decoder.Dispose();

    [Fact]
    public void Weighted_TwoEarlierTasks_GivesTheirPromptsTwoThirdsHoweverFewTheyAre()
    {
        EncodedExample own = new([1, 2, 3, 4, 5], [Ignore, Ignore, Ignore, 4, 5], [1, 2, 3], null, []);
        EncodedExample recalled = new([1, 2, 3, 4], [Ignore, Ignore, Ignore, 4], [1, 2, 3], null, []);

        var rows = Recall.Weighted([own, own], [recalled], earlierTasks: 2, prompt: 0.6);

        // 5 answer tokens: prompts weigh 0.6 x 5 = 3; a third of it on 2 x 2 own prompt tokens that are predicted, two thirds on the recalled row's 2.
        Assert.Equal([0.25f, 0.25f, 0.25f, 1, 1], rows[0].Weights!);
        Assert.Equal(rows[0].Weights!, rows[1].Weights!);
        Assert.Equal([1f, 1f, 1f, 1f], rows[2].Weights!);
        Assert.All(rows, row => Assert.Equal(row.Ids, row.Labels));
    }

    [Fact]
    public void Weighted_FirstTask_GivesItsPromptsAll()
    {
        EncodedExample own = new([1, 2, 3, 4, 5], [Ignore, Ignore, Ignore, 4, 5], [1, 2, 3], null, []);

        Assert.Equal([0.5f, 0.5f, 0.5f, 1, 1], Recall.Weighted([own], [], 0, 0.5)[0].Weights!);
        Assert.Same(own, Recall.Weighted([own], [], 0, 0)[0]);
    }

    [Fact]
    public void RowsOf_SecondTask_AddsAnsweredPromptsOfTheAdapterItself()
    {
        using var first = State();
        using var served = first.ServingWeights();
        var rows = Rows();

        var trained = new Recall().RowsOf(_decoder, first, rows, Options, TestContext.Current.CancellationToken);
        var again = new Recall().RowsOf(_decoder, first, rows, Options, TestContext.Current.CancellationToken);

        Assert.Equal(trained.Select(row => row.Ids), again.Select(row => row.Ids));
        var recalled = trained.Skip(rows.Count).ToList();
        Assert.InRange(recalled.Count, 1, rows.Count);
        Assert.All(recalled, row =>
        {
            Assert.Equal(1, row.Ids[0]);
            Assert.Equal([9, 20, 21], row.PromptIds[^3..]);
            Assert.Equal(row.PromptIds, row.Ids[..row.PromptIds.Length]);
            Assert.True(row.Ids.Length <= 16);
            var answer = GreedyGenerator.Generate(_decoder, served, [row.PromptIds], 16, [.. _decoder.Config.EosTokenIds, End], cancellation: TestContext.Current.CancellationToken)[0];
            Assert.Equal([.. row.PromptIds, .. answer, End], row.Ids);
        });
    }

    [Theory]
    [InlineData("recall", 0, 10)]
    [InlineData("recall", 3, 20)]
    [InlineData("recall:share=0.25", 3, 12)]
    [InlineData("slao", 3, 10)]
    public void RowsAtMost_CountsWhatMayBeRecalled(string label, int earlier, int rows) => Assert.Equal(rows, ContinualMethods.Parse(label).RowsAtMost(10, earlier));

    [Fact]
    public void RowsOf_ShareOfNothingAndNoPrompts_IsPlainTuning()
    {
        using var first = State();
        var rows = Rows();

        Assert.Equal(rows, ContinualMethods.Parse("recall:share=0:prompt=0").RowsOf(_decoder, first, rows, Options, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Learn_OtherSeed_RecallsOtherRows()
    {
        using var first = State();
        var rows = Rows();

        var one = new Recall().RowsOf(_decoder, first, rows, Options, TestContext.Current.CancellationToken);
        var other = new Recall().RowsOf(_decoder, first, rows, Options with { Seed = 8 }, TestContext.Current.CancellationToken);

        Assert.NotEqual(one.Skip(rows.Count).Select(row => string.Join(' ', row.Ids)), other.Skip(rows.Count).Select(row => string.Join(' ', row.Ids)));
    }

    [Fact]
    public void RowsOf_AdapterThatWritesAnotherTokenForASpecialOne_GetsTheTemplates()
    {
        using var first = State(special: 33);

        var recalled = new Recall().RowsOf(_decoder, first, Rows(), Options, TestContext.Current.CancellationToken).Skip(8).ToList();

        Assert.NotEmpty(recalled);
        Assert.All(recalled, row => Assert.Equal([9, 20, 21], row.PromptIds[^3..]));
    }

    [Fact]
    public void RowsOf_TemplateThatWritesMoreAfterTheAnswer_EndsThemWithTheLastTokenThatIsLearned()
    {
        using var first = State();
        IReadOnlyList<EncodedExample> rows = [.. Rows().Select(row => row with { Ids = [.. row.Ids, 2], Labels = [.. row.Labels, Ignore] })];

        var recalled = new Recall().RowsOf(_decoder, first, rows, Options, TestContext.Current.CancellationToken).Skip(8).ToList();

        Assert.NotEmpty(recalled);
        Assert.All(recalled, row => Assert.Equal(End, row.Ids[^1]));
    }

    [Fact]
    public void RowsOf_TurnThatSpecialTokensAloneEnd_TakesNoOtherForThem()
    {
        using var first = State();
        IReadOnlyList<EncodedExample> rows = [.. Rows().Select(row => row with { UserTurn = new UserTurn([1], [46, 47], [true, true]) })];

        Assert.Equal(8, new Recall().RowsOf(_decoder, first, rows, Options, TestContext.Current.CancellationToken).Count);
    }

    [Fact]
    public void Learn_SecondTask_SaysHowManyRowsItWrote()
    {
        using var first = State();
        var said = new List<LearningProgress>();

        var learned = ContinualLearner.Learn(_decoder, new Recall(), TinyModel.Lora, first, Rows(), Options, new SynchronousProgress<LearningProgress>(said.Add), TestContext.Current.CancellationToken);

        learned.State.Dispose();
        Assert.InRange(learned.AddedRows, 1, 8);
        Assert.Equal((LearningPhase.Training, learned.AddedRows), Assert.Single(said, progress => progress.AddedRows > 0) is var one ? (one.Phase, one.AddedRows) : default);
    }

    [Fact]
    public void RowsOf_Cancelled_StopsBetweenTokens()
    {
        using var first = State();
        using var stop = new CancellationTokenSource();
        stop.Cancel();

        Assert.Throws<OperationCanceledException>(() => new Recall().RowsOf(_decoder, first, Rows(), Options, stop.Token));
    }

    // A turn, 1 x 9 20 21, is answered by its x, and 40 ends the answer.
    private static IReadOnlyList<EncodedExample> Rows(int special = 9) =>
        [.. Enumerable.Range(10, 8).Select(x => new EncodedExample([1, x, special, 20, 21, x, End], [Ignore, Ignore, Ignore, Ignore, Ignore, x, End], [1, x, special, 20, 21], null, []) { UserTurn = Turn })];

    private AdapterState State(int special = 9) =>
        ContinualLearner.Learn(_decoder, new Recall(), TinyModel.Lora, null, Rows(special), Options with { LearningRate = 3e-2, Epochs = 30 }, null, TestContext.Current.CancellationToken).State;
}
