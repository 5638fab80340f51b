using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Training;
using ContinualService.Engine.Training;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

/// <summary>What slao's options change: where a task starts, what it tunes, what it merges.</summary>
public sealed class SlaoAblationTests : IDisposable
{
    private static readonly TrainingOptions Gentle = new() { LearningRate = 1e-2, Epochs = 1, BatchSize = 2 };

    // 1 x 2 and 2 x 1: one row of A, one column of B.
    private static readonly double[][,] TunedA = [new double[,] { { 3, 4 } }, new double[,] { { 1, 2 } }];
    private static readonly double[][,] TunedB = [new double[,] { { 2 }, { 0 } }, new double[,] { { 4 }, { 1 } }];

    private readonly Decoder _decoder = TinyModel.Create();

    public void Dispose() => _decoder.Dispose();

    // lambda(2) = .70711. B_merge = (2, 0) + .70711 ((4, 1) - (2, 0)) = (3.41421, .70711); A_merge = (3, 4) + .70711 ((1, 2) - (3, 4)) = (1.58579, 2.58579).
    [Theory]
    [InlineData("slao", new[] { 1, 2.0 }, new[] { 3.41421, .70711 })]
    [InlineData("slao:merge=ftba-mb", new[] { 1, 2.0 }, new[] { 3.41421, .70711 })]
    [InlineData("slao:merge=frea-mb", new[] { 1, 2.0 }, new[] { 3.41421, .70711 })]
    [InlineData("slao:merge=ftba-ma", new[] { 1.58579, 2.58579 }, new[] { 4, 1.0 })]
    [InlineData("slao:merge=freb-ma", new[] { 1.58579, 2.58579 }, new[] { 4, 1.0 })]
    [InlineData("slao:merge=ftba-mba", new[] { 1.58579, 2.58579 }, new[] { 3.41421, .70711 })]
    [InlineData("slao:init=random", new[] { 1, 2.0 }, new[] { 3.41421, .70711 })]
    [InlineData("slao:init=last-merge", new[] { 1, 2.0 }, new[] { 3.41421, .70711 })]
    public void FinishTask_Second_MergesWhatTheOptionNames(string label, double[] a, double[] b)
    {
        using var scope = NewDisposeScope();
        using var state = Hand.Chain(ContinualMethods.Parse(label), Hand.Config(1), TunedA.Zip(TunedB).Select(pair => Hand.Lora(pair.First, pair.Second)));
        using var served = state.ServingWeights();
        Numbers.AssertClose(a, Numbers.Of(served.Pairs[0].A), 1e-5, "A");
        Numbers.AssertClose(b, Numbers.Of(served.Pairs[0].B), 1e-5, "B");
        Assert.Equal([1, 2], Numbers.Of(state.Sites[0].AFineTuned));
        Assert.Equal([4, 1], Numbers.Of(state.Sites[0].BFineTuned));
    }

    // A_ft = (3, 4) has length 5: its orthonormal basis is (.6, .8).
    [Theory]
    [InlineData("slao", new[] { .6, .8 }, new[] { 4, 1.0 })]
    [InlineData("slao:init=last-merge", new[] { .6, .8 }, new[] { 7, 5.0 })]
    [InlineData("slao:merge=ftba-mb", new[] { 3, 4.0 }, new[] { 4, 1.0 })]
    [InlineData("slao:merge=frea-mb", new[] { 3, 4.0 }, new[] { 4, 1.0 })]
    [InlineData("slao:merge=ftba-mb:init=last-merge", new[] { 3, 4.0 }, new[] { 7, 5.0 })]
    public void StartTask_Second_StartsWhereTheOptionSays(string label, double[] a, double[] b)
    {
        using var scope = NewDisposeScope();
        var method = ContinualMethods.Parse(label);
        using var state = Hand.State(method, 1, 1, Hand.Site(2, 2), ("a_ft", TunedA[0]), ("b_ft", TunedB[1]), ("b_merge", new double[,] { { 7 }, { 5 } }));
        using var start = method.StartTask(_decoder, Hand.Config(1), state, new Generator(1));
        Numbers.AssertClose(a, Numbers.Of(start.Lora.Pairs[0].A), 1e-6, "A");
        Numbers.AssertClose(b, Numbers.Of(start.Lora.Pairs[0].B), 1e-6, "B");
    }

    [Theory]
    [InlineData("slao:merge=freb-ma:init=last-merge")]
    [InlineData("slao:merge=ftba-mba:init=last-merge")]
    public void StartTask_LastMergeWithMergedA_StartsFromIt(string label)
    {
        using var scope = NewDisposeScope();
        var method = ContinualMethods.Parse(label);
        using var state = Hand.State(
            method, 1, 1, Hand.Site(2, 2), ("a_ft", TunedA[0]), ("b_ft", TunedB[1]), ("b_merge", TunedB[1]), ("a_merge", new double[,] { { 9, 8 } }));
        using var start = method.StartTask(_decoder, Hand.Config(1), state, new Generator(1));
        Assert.Equal([9, 8], Numbers.Of(start.Lora.Pairs[0].A));
    }

    [Fact]
    public void StartTask_Random_IsAFreshPairEveryTime()
    {
        var method = ContinualMethods.Parse("slao:init=random");
        using var first = Learned(method, 1, null);
        using var start = method.StartTask(_decoder, TinyModel.Lora, first, new Generator(4));
        using var fresh = LoraWeights.CreateFresh(_decoder, TinyModel.Lora, new Generator(4));
        Assert.Equal(Numbers.Of(fresh), Numbers.Of(start.Lora));
    }

    [Theory]
    [InlineData("slao:merge=freb-ma", true, false)]
    [InlineData("slao:merge=frea-mb", false, true)]
    [InlineData("slao:merge=ftba-mba", true, true)]
    public void Learn_SecondTask_MovesOnlyWhatIsNotFrozen(string label, bool movesA, bool movesB)
    {
        var method = ContinualMethods.Parse(label);
        using var first = Learned(method, 1, null);
        using var second = Learned(method, 2, first);
        Assert.All(first.Sites.Zip(second.Sites), both =>
        {
            Assert.Equal(movesA, !Numbers.Of(both.First.AFineTuned).SequenceEqual(Numbers.Of(both.Second.AFineTuned)));
            Assert.Equal(movesB, !Numbers.Of(both.First.BFineTuned).SequenceEqual(Numbers.Of(both.Second.BFineTuned)));
        });
        // Weight decay would move a frozen matrix that has no gradient.
        Assert.All(first.Sites, site => Assert.NotEqual(0, Numbers.Of(site.BFineTuned).Max()));
    }

    private AdapterState Learned(IContinualMethod method, int task, AdapterState? previous) =>
        ContinualLearner.Learn(_decoder, method, TinyModel.Lora, previous, TinyModel.Rows(task), Gentle with { WeightDecay = 0.5 }, null, TestContext.Current.CancellationToken).State;
}
