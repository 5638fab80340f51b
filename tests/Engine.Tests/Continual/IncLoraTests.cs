using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Training;
using ContinualService.Engine.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

public sealed class IncLoraTests : IDisposable
{
    private readonly Decoder _decoder = TinyModel.Create();
    private readonly IncLora _method = new();

    public void Dispose() => _decoder.Dispose();

    // B_1 A_1 = (1, 0)^T (1, 2) = [1 2; 0 0], B_2 A_2 = (0, 3)^T (1, 1) = [0 0; 3 3]; their sum under the scale 2 is [2 4; 6 6].
    [Fact]
    public void Served_OfTwoTasks_IsTheSumOfTheirProducts()
    {
        using var scope = NewDisposeScope();
        using var state = Hand.Chain(_method, Hand.Config(1, scale: 2), [Hand.Lora(new double[,] { { 1, 2 } }, new double[,] { { 1 }, { 0 } }), Hand.Lora(new double[,] { { 1, 1 } }, new double[,] { { 0 }, { 3 } })]);
        Assert.Equal([2, 4, 6, 6], Dense.Flat(Hand.Served(state)));
        Assert.Equal((2, 4.0), (state.ServedConfig.Rank, state.ServedConfig.Alpha));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)] // rank-stabilised: alpha / sqrt(T R) must be alpha' / sqrt(R)
    public void Served_OfFourTasks_IsTheSumUnderOneScale(bool rankStabilised)
    {
        using var scope = NewDisposeScope();
        var random = new Random(3);
        var config = new LoraConfig(2, 6, ["layer"], rankStabilised) { AlphaPattern = new Dictionary<string, double> { ["layer1"] = 5 } };
        var (first, second) = (Hand.Site(5, 4), Hand.Site(3, 6, 1));
        List<LoraWeights> tasks = [.. Enumerable.Range(0, 4).Select(_ => Hand.Lora(
            1, (first, Dense.Random(2, 5, random), Dense.Random(4, 2, random)), (second, Dense.Random(2, 3, random), Dense.Random(6, 2, random))))];
        using var state = Hand.Chain(_method, config, tasks);
        foreach (var (site, index) in new[] { (first, 0), (second, 1) })
        {
            var expected = new double[site.OutFeatures, site.InFeatures];
            foreach (var task in tasks) expected = Dense.Add(expected, Dense.Mul(Dense.From(task.Pairs[index].B), Dense.From(task.Pairs[index].A)), (index == 0 ? 6 : 5) / (rankStabilised ? Math.Sqrt(2) : 2));
            Numbers.AssertClose(Dense.Flat(expected), Dense.Flat(Hand.Served(state, index)), 1e-6, $"dW of layer {index}");
        }
    }

    [Fact]
    public void Update_InTraining_ComputesWhatTheServedPairWill()
    {
        using var scope = NewDisposeScope();
        using var first = Learned(null, 1);
        using var second = Learned(first, 2);
        using var noGrad = no_grad();
        using var tuning = _method.StartTask(_decoder, TinyModel.Lora, first, new Generator(1));
        // As the second task ended: its own pairs are the last rows of the stack.
        foreach (var (pair, site) in tuning.Lora.Pairs.Zip(second.Sites))
        {
            pair.A.copy_(site.Tensors["a_tasks"].narrow(0, 3, 3));
            pair.B.copy_(site.Tensors["b_tasks"].narrow(1, 3, 3));
        }

        using var live = new LiveParameters(tuning, CPU);
        using var served = second.ServingWeights();
        var ids = tensor(new long[] { 1, 5, 9, 2, 30 }).unsqueeze(0);
        var (training, serving) = (_decoder.Hidden(ids, tuning.Update(live, null)), _decoder.Hidden(ids, served));
        Assert.True(training.sub(serving).abs().max().item<float>() < 1e-5);
        Assert.True(training.sub(_decoder.Hidden(ids)).abs().max().item<float>() > 1e-2);
    }

    [Fact]
    public void Update_WithDropout_DropsNothingOfTheFrozenPairs()
    {
        using var scope = NewDisposeScope();
        using var first = Learned(null, 1);
        using var noGrad = no_grad();
        // Its B is still 0: all that is added is the frozen pairs'.
        using var tuning = _method.StartTask(_decoder, TinyModel.Lora, first, new Generator(1));
        using var live = new LiveParameters(tuning, CPU);
        using var served = first.ServingWeights();
        var ids = tensor(new long[] { 1, 5, 9, 2, 30 }).unsqueeze(0);
        var training = _decoder.Hidden(ids, tuning.Update(live, new LoraDropout(0.9, Key: 2)));
        Assert.True(training.sub(_decoder.Hidden(ids, served)).abs().max().item<float>() < 1e-5);
    }

    [Fact]
    public void Stacked_Patterns_KeepEveryLayersScale()
    {
        var config = new LoraConfig(4, 8, ["layer"]) { RankPattern = new Dictionary<string, int> { ["layer1"] = 2 }, AlphaPattern = new Dictionary<string, double> { ["layer2"] = 3 } };
        var three = config.Stacked(3);
        Assert.Equal((12, 24.0), (three.Rank, three.Alpha));
        Assert.Equal([12, 6, 12], new[] { "layer0", "layer1", "layer2" }.Select(three.RankOf));
        Assert.All(["layer0", "layer1", "layer2"], path => Assert.Equal(config.ScaleOf(path), three.ScaleOf(path), 1e-12));
    }

    [Fact]
    public void Learn_SecondTask_KeepsTheFirstPairAsItWas()
    {
        using var first = Learned(null, 1);
        using var second = Learned(first, 2);
        Assert.All(first.Sites.Zip(second.Sites), both =>
        {
            using var a = both.Second.Tensors["a_tasks"].narrow(0, 0, 3);
            using var b = both.Second.Tensors["b_tasks"].narrow(1, 0, 3);
            Assert.Equal(Numbers.Of(both.First.Tensors["a_tasks"]), Numbers.Of(a));
            Assert.Equal(Numbers.Of(both.First.Tensors["b_tasks"]), Numbers.Of(b));
        });
    }

    private AdapterState Learned(AdapterState? previous, int task) => ContinualLearner.Learn(
        _decoder, _method, TinyModel.Lora, previous, TinyModel.Rows(task), new TrainingOptions { LearningRate = 2e-2, Epochs = 2, BatchSize = 2 }, null, TestContext.Current.CancellationToken).State;
}
