using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using ContinualService.Engine.Tests.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Inference;

/// <summary>Rows shared out among lanes that run side by side, against one lane.</summary>
[Collection(ThreadsCollection.Name)]
public sealed class ScoringLanesTests : IDisposable
{
    private static readonly int[] Lengths = [.. Enumerable.Range(0, 40).Select(row => 1 + (row * 7 % 23))];

    private readonly Decoder _decoder = TinyModels.Create();
    private readonly int _threads = get_num_threads();

    public void Dispose()
    {
        set_num_threads(_threads);
        _decoder.Dispose();
    }

    [Theory]
    [InlineData(1, 40, 4, 1)]
    [InlineData(2, 40, 4, 2)]
    [InlineData(2, 7, 4, 1)] // too few rows for two
    [InlineData(2, 8, 4, 2)]
    [InlineData(6, 40, 10, 3)] // four lanes have work, and three divide six
    [InlineData(6, 40, 9, 3)]
    public void Size_OfALane_IsItsPart(int threads, int rows, int leastRows, int lanes)
    {
        set_num_threads(threads);

        Assert.Equal(16_384 / lanes, Of(rows, 16_384, leastRows).Size.Tokens);
    }

    // Of 23 tokens each there is room for 4 rows at once: one lane's.
    [Fact]
    public void Size_ThatHasRoomForFewRows_IsOfOneLane()
    {
        set_num_threads(2);

        Assert.Equal(100, Of(40, 100, 4).Size.Tokens);
        Assert.Equal(92, Of(40, 184, 4).Size.Tokens);
    }

    [Fact]
    public void Size_OfABaseWhoseBlocksAreMade_IsOfOneLane()
    {
        set_num_threads(2);
        using var held = HeldBases.Of(_decoder, new BaseHolding(BaseFormat.Int8, false));

        Assert.Equal(16_384, new ScoringLanes(held, Lengths, ScoringSize.Largest, 16_384, 4).Size.Tokens);
    }

    [Theory]
    [InlineData(64, 16_384)]
    [InlineData(9, 16_384)]
    [InlineData(64, 120)]
    [InlineData(1, 1)]
    public void Groups_OfTwoLanes_AreEvenAndWithinTheLimits(int maxRows, int maxTokens)
    {
        set_num_threads(2);
        var groups = Of(40, 16_384, 4).Groups(maxRows, maxTokens);

        Assert.Equal(Enumerable.Range(0, 40), groups.SelectMany(group => group).Order());
        Assert.Equal(0, groups.Count % 2);
        Assert.All(groups, group => Assert.True(group.Length == 1 || (group.Length <= maxRows && group.Length * group.Max(row => Lengths[row]) <= maxTokens)));
        // No more than the limits ask for, but for one to make them even.
        Assert.InRange(groups.Count, 1, RightPadded.Groups(Lengths, maxRows, maxTokens).Count() + 1);
        if (maxRows != 64 || maxTokens != 16_384) return;
        int[] tokens = [.. groups.Select(group => group.Sum(row => Lengths[row]))];
        Assert.InRange(Math.Abs(tokens[0] - tokens[1]), 0, Lengths.Max());
    }

    [Fact]
    public void Scorers_OneLaneOrTwo_GiveTheSame()
    {
        using var lora = TinyModels.CreateLora(_decoder, new LoraConfig(4, 8, ["q_proj", "gate_proj"]));
        int[][] rows = [.. Lengths.Select((length, row) => TinyModels.Ids(length, seed: row))], labels = [TinyModels.Ids(3, seed: 91), TinyModels.Ids(1, seed: 92)];
        var (one, two) = (Scores(1), Scores(2));
        var again = Scores(2);

        Assert.Equal(one.Answers, two.Answers);
        Assert.Contains(one.Answers, answer => answer.Length is > 0 and < 6);
        Assert.Equal(one.Whole.Length, two.Whole.Length);
        Assert.All(one.Whole.Zip(two.Whole), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
        Assert.All(one.Labels.Zip(two.Labels), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        // The same threads: the same bits, whichever lane took which group.
        Assert.Equal(two.Whole, again.Whole);
        Assert.Equal(two.Labels, again.Labels);

        (int[][] Answers, float[] Whole, double[] Labels) Scores(int threads)
        {
            set_num_threads(threads);
            var token = TestContext.Current.CancellationToken;
            return (
                GreedyGenerator.Generate(_decoder, lora, rows, 6, [5, 6, 7], cancellation: token),
                [.. SequenceScorer.LogProbabilities(_decoder, lora, rows, cancellation: token).SelectMany(each => each)],
                [.. ContinuationScorer.MeanLogProbabilities(_decoder, lora, rows, labels, cancellation: token).SelectMany(each => each)]);
        }
    }

    [Fact]
    public void Run_TwoLanes_TheyWorkAtTheSameTimeAndTellWhatIsDone()
    {
        set_num_threads(2);
        List<double> told = [];
        using var both = new Barrier(2);

        Of(40, 16_384, 4).Run(64, 16_384, Meet, new SynchronousProgress<double>(told.Add), TestContext.Current.CancellationToken);

        Assert.Equal(2, told.Count);
        Assert.InRange(told[0], 0.2, 0.8);
        Assert.Equal(1, told[1]);

        void Meet(int[] group)
        {
            Assert.Equal(1, get_num_threads()); // of two, each has one
            Assert.True(both.SignalAndWait(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Run_AGroupFails_NoOtherBegins(int threads)
    {
        set_num_threads(threads);
        var (begun, told) = (0, 0);

        Assert.Throws<InvalidDataException>(() => Of(40, 16_384, 4).Run(
            1, 16_384,
            _ =>
            {
                if (Interlocked.Increment(ref begun) == 3) throw new InvalidDataException("no memory");
                TestContext.Current.CancellationToken.WaitHandle.WaitOne(20);
            },
            new SynchronousProgress<double>(_ => told++), TestContext.Current.CancellationToken));

        Assert.InRange(begun, 3, 5);
        Assert.InRange(told, 2, 4);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Run_Cancelled_EndsBeforeTheNextGroup(int threads)
    {
        set_num_threads(threads);
        using var cancel = new CancellationTokenSource();
        var begun = 0;

        Assert.Throws<OperationCanceledException>(() => Of(40, 16_384, 4).Run(
            1, 16_384,
            _ =>
            {
                Interlocked.Increment(ref begun);
                cancel.Cancel();
            },
            null, cancel.Token));

        Assert.InRange(begun, 1, threads);
    }

    private ScoringLanes Of(int rows, int tokens, int leastRows) => new(_decoder, Lengths[..rows], new ScoringSize(tokens), tokens, leastRows);
}
