using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Training;
using ContinualService.Engine.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

public sealed class SlaoTests : IDisposable
{
    private static readonly TrainingOptions Gentle = new() { LearningRate = 1e-2, Epochs = 1, BatchSize = 2 };
    private readonly Decoder _decoder = TinyModel.Create();
    private readonly Slao _slao = new();

    public void Dispose() => _decoder.Dispose();

    [Theory]
    [InlineData(2, new[] { .2929, .7071 })]
    [InlineData(3, new[] { .1238, .2989, .5774 })]
    [InlineData(5, new[] { .0342, .0826, .1596, .2764, .4472 })]
    public void Lambda_AllTasks_GiveTheWeightsOfTheFormula(int tasks, double[] expected)
    {
        var weights = Weights(tasks);
        for (var j = 0; j < tasks; j++) Assert.Equal(expected[j], weights[j], 4);
        Assert.Equal(1, weights.Sum(), 12);
    }

    [Fact]
    public void Lambda_FifteenTasks_FirstAlmostGoneLastAboutAQuarter()
    {
        var weights = Weights(15);
        Assert.Equal(.0007, weights[0], 4);
        Assert.Equal(.2582, weights[^1], 4);
        Assert.Equal(1, weights.Sum(), 12);
    }

    [Fact]
    public void StartTask_First_DrawsAFromItsGeneratorAndZeroB()
    {
        using var one = _slao.StartTask(_decoder, TinyModel.Lora, null, new Generator(5));
        using var same = _slao.StartTask(_decoder, TinyModel.Lora, null, new Generator(5));
        using var other = _slao.StartTask(_decoder, TinyModel.Lora, null, new Generator(6));
        Assert.Equal(Numbers.Of(one.Lora), Numbers.Of(same.Lora));
        Assert.NotEqual(Numbers.Of(one.Lora), Numbers.Of(other.Lora));
        foreach (var pair in one.Lora.Pairs)
        {
            Assert.All(Numbers.Of(pair.B), value => Assert.Equal(0, value));
            var bound = 1 / Math.Sqrt(pair.Site.InFeatures);
            Assert.All(Numbers.Of(pair.A), value => Assert.InRange(value, -bound, bound));
            Assert.InRange(Numbers.Of(pair.A).Select(Math.Abs).Max(), 0.8 * bound, bound);
        }
    }

    [Fact]
    public void StartTask_Second_OrthonormalRowsInTheSpaceOfTheLastA()
    {
        using var scope = NewDisposeScope();
        using var state = Learned(1).State;
        using var start = _slao.StartTask(_decoder, TinyModel.Lora, state, new Generator(1));
        foreach (var (pair, site) in start.Lora.Pairs.Zip(state.Sites))
        {
            var gram = pair.A.mm(pair.A.t()); // [R, R]
            Assert.True(gram.sub(eye(gram.shape[0])).abs().max().item<float>() < 1e-5);
            var projected = site.AFineTuned.mm(pair.A.t()).mm(pair.A); // onto the rows of A0
            Assert.True(projected.sub(site.AFineTuned).abs().max().item<float>() < 1e-5);

            // The sign fix: row j of A0 points the way of row j of A once the earlier rows are taken out of it, so A A0^T has a positive diagonal.
            Assert.True(site.AFineTuned.mm(pair.A.t()).diagonal().min().item<float>() > 0);
            Assert.Equal(Numbers.Of(site.BFineTuned), Numbers.Of(pair.B));
        }
    }

    [Fact]
    public void OrthonormalBasis_ZeroRow_CountsAsPositiveAndStaysFinite()
    {
        using var scope = NewDisposeScope();
        var a = tensor(new float[,] { { 3, 0, 0 }, { 0, 0, 0 } });
        var basis = OrthonormalBasis.Of(a);
        Assert.Equal([1, 0, 0], Numbers.Of(basis)[..3]);
        Assert.True(basis.mm(basis.t()).sub(eye(2)).abs().max().item<float>() < 1e-6);
    }

    [Fact]
    public void OrthonormalBasis_OrthonormalAlready_StaysWhereItIs()
    {
        using var scope = NewDisposeScope();
        var once = OrthonormalBasis.Of(rand(4, 9, generator: new Generator(3)).sub(0.5));
        Assert.True(OrthonormalBasis.Of(once).sub(once).abs().max().item<float>() < 1e-6);
    }

    [Fact]
    public void FinishTask_FiveTasks_BMergedIsTheWeightedSumOfAllFineTunedB()
    {
        using var scope = NewDisposeScope();
        List<float[]> fineTuned = [];
        AdapterState? state = null;
        for (var i = 1; i <= 5; i++)
        {
            state = Learned(i, state).State;
            fineTuned.Add(Numbers.Of(state.Sites[3].BFineTuned));
            Assert.Equal(i, state.TaskIndex);
        }

        // float64, from the closed form of the weights rather than the recursion.
        var weights = Weights(5);
        var expected = Enumerable.Range(0, fineTuned[0].Length).Select(k => Enumerable.Range(0, 5).Sum(j => weights[j] * fineTuned[j][k])).ToList();
        var merged = Numbers.Of(state!.Sites[3].BMerged);
        for (var k = 0; k < expected.Count; k++) Assert.Equal(expected[k], merged[k], 1e-6);
        Assert.NotEqual(fineTuned[^1], merged);
    }

    [Fact]
    public void Learn_RateZeroAsSecondTask_KeepsTheBasisAndB()
    {
        using var scope = NewDisposeScope();
        using var first = Learned(1).State;
        using var second = ContinualLearner.Learn(_decoder, _slao, TinyModel.Lora, first, TinyModel.Rows(2), Gentle with { LearningRate = 0 }, null, TestContext.Current.CancellationToken).State;
        foreach (var (before, after) in first.Sites.Zip(second.Sites))
        {
            Assert.Equal(Numbers.Of(OrthonormalBasis.Of(before.AFineTuned)), Numbers.Of(after.AFineTuned));
            Assert.Equal(Numbers.Of(before.BFineTuned), Numbers.Of(after.BFineTuned));
            Assert.Equal(Numbers.Of(before.BMerged), Numbers.Of(after.BMerged)); // B_ft,2 = B_ft,1 = B_merge,1
        }
    }

    [Fact]
    public void Learn_Task_LeavesThePreviousStateAndTheBaseAlone()
    {
        using var first = Learned(1).State;
        var before = first.Sites.SelectMany(site => Numbers.Of(site.AFineTuned).Concat(Numbers.Of(site.BMerged))).ToArray();
        var weights = _decoder.Weights.Values.SelectMany(Numbers.Of).ToArray();
        using var second = Learned(2, first).State;
        Assert.Equal(before, first.Sites.SelectMany(site => Numbers.Of(site.AFineTuned).Concat(Numbers.Of(site.BMerged))));
        Assert.Equal(weights, _decoder.Weights.Values.SelectMany(Numbers.Of));
        Assert.Equal(0.7071, new Slao().Lambda(second.TaskIndex), 4);
    }

    [Fact]
    public void Learn_Phases_AreReportedInOrder()
    {
        List<LearningProgress> reports = [];
        using var state = ContinualLearner.Learn(_decoder, _slao, TinyModel.Lora, null, TinyModel.Rows(1), Gentle, new SynchronousProgress<LearningProgress>(reports.Add), TestContext.Current.CancellationToken).State;
        Assert.Equal([LearningPhase.Preparing, LearningPhase.Training, LearningPhase.Merging], reports.Select(report => report.Phase).Distinct());
        Assert.Equal([1, 2, 3], reports.Where(report => report.Step is not null).Select(report => report.Step!.Step));
    }

    [Fact]
    public void Learn_StateOfAnotherMethod_IsRefused()
    {
        using var state = Learned(1).State;
        Assert.Throws<ArgumentException>(() => ContinualLearner.Learn(_decoder, new SeqLora(), TinyModel.Lora, state, TinyModel.Rows(2), Gentle, null, TestContext.Current.CancellationToken));
    }

    private LearnedTask Learned(int task, AdapterState? previous = null) =>
        ContinualLearner.Learn(_decoder, _slao, TinyModel.Lora, previous, TinyModel.Rows(task), Gentle, null, TestContext.Current.CancellationToken);

    /// <summary>w_j = lambda(j) prod_{k > j} (1 - lambda(k)).</summary>
    private double[] Weights(int tasks) =>
        [.. Enumerable.Range(1, tasks).Select(j => _slao.Lambda(j) * Enumerable.Range(j + 1, tasks - j).Aggregate(1.0, (product, k) => product * (1 - _slao.Lambda(k))))];
}
