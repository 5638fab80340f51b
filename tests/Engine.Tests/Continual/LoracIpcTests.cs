using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Training;
using ContinualService.Engine.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

public sealed class LoracIpcTests : IDisposable
{
    private readonly Decoder _decoder = TinyModel.Create();

    public void Dispose() => _decoder.Dispose();

    // S = A_1 above A_t = [1 0; 1 2]: S S^T - I = [0 1; 1 4], norm sqrt(18) = 4.24264; times ortho .1 = .42426.
    // Gradient of A_t's row: 2 * .1 (1, 4) S / 4.24264 = .2 (1 * (1, 0) + 4 * (1, 2)) / 4.24264 = .2 (5, 8) / 4.24264 = (.23570, .37712).
    [Fact]
    public void Penalty_OfTwoTasks_IsTheDistanceFromOrthonormal()
    {
        using var scope = NewDisposeScope();
        var method = new LoracIpc();
        using var previous = State(method, [new double[,] { { 1, 0 } }], [new double[,] { { 5 } }], [1]);
        using var tuning = Tuning(method, previous, new double[,] { { 1, 2 } }, new double[,] { { 0 } }, [1, 1]);
        var (penalty, gradient) = Hand.Penalty(tuning);
        Assert.Equal(.42426, penalty, 1e-5);
        Numbers.AssertClose([.23570, .37712, 0, 0, 0], gradient, 1e-4, "gradient of A, B, w_1, w_2");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Penalty_OfRandomPairs_EqualsTheFormulaAndItsDifferences(int seed)
    {
        using var scope = NewDisposeScope();
        var random = new Random(seed);
        var method = (LoracIpc)ContinualMethods.Parse("lorac-ipc:ortho=0.4");
        double[][,] past = [Dense.Random(2, 5, random), Dense.Random(2, 5, random)];
        using var previous = State(method, past, [Dense.Random(3, 2, random), Dense.Random(3, 2, random)], [1, 1]);
        var start = Dense.Random(2, 5, random);
        using var tuning = Tuning(method, previous, start, Dense.Random(3, 2, random), [1, 1, 1]);

        var (penalty, gradient) = Hand.Penalty(tuning);

        Assert.Equal(Formula(Dense.Flat(start)), penalty, 1e-5);
        Numbers.AssertClose(Hand.Differences(Formula, Dense.Flat(start)), gradient[..10], 1e-4, "gradient");
        Assert.All(gradient[10..], value => Assert.Equal(0, value));

        double Formula(double[] a)
        {
            var bases = Dense.Below(Dense.Below(past[0], past[1]), Dense.Of(a, 2, 5));
            return .4 * Dense.Norm(Dense.Add(Dense.Mul(bases, Dense.Transpose(bases)), Dense.Identity(6), -1));
        }
    }

    // w = (2, -1), B_1 A_1 = 3 (1, 0) = (3, 0), B_2 A_2 = 4 (0, 1) = (0, 4): dW = (6, -4).
    [Fact]
    public void Served_OfTwoTasks_IsTheWeightedSum()
    {
        using var scope = NewDisposeScope();
        using var state = State(new LoracIpc(), [new double[,] { { 1, 0 } }, new double[,] { { 0, 1 } }], [new double[,] { { 3 } }, new double[,] { { 4 } }], [2, -1]);
        Assert.Equal([6, -4], Dense.Flat(Hand.Served(state)));
        Assert.Equal((2, 2.0), (state.ServedConfig.Rank, state.ServedConfig.Alpha));
    }

    // A = (2, 0), B = 0, w = 1; beta1 = beta2 = .5. Step 1, g = (1, 3, 4): I = |theta g|, |g| where theta is 0 = (2, 3, 4); Ibar = (1, 1.5, 2); |I - Ibar| = the same; Ubar = (.5, .75, 1).
    // Step 2, B now 1, g = (-2, 1, 1): I = (4, 1, 1); Ibar = (2.5, 1.25, 1.5); |I - Ibar| = (1.5, .25, .5); Ubar = (1, .5, .75).
    // Score: mean over A of (2.5 * 1, 1.25 * .5) = 1.5625, plus over B 1.5 * .75 = 1.125: 2.6875.
    [Fact]
    public void Scores_AfterTwoSteps_AreSensitivityTimesUncertainty()
    {
        using var scope = NewDisposeScope();
        var method = (LoracIpc)ContinualMethods.Parse("lorac-ipc:beta1=0.5:beta2=0.5");
        using var tuning = Tuning(method, null, new double[,] { { 2, 0 } }, new double[,] { { 0 } }, [1]);
        using var live = new LiveParameters(tuning, CPU);
        using var noGrad = no_grad();
        live.Gradient.copy_(tensor(new float[] { 1, 3, 4, 9 }));
        tuning.AfterBackward(live, 1);
        live.Weights[2] = 1f;
        live.Gradient.copy_(tensor(new float[] { -2, 1, 1, 9 }));
        tuning.AfterBackward(live, 2);
        Numbers.AssertClose([2.5, 1.25, 1.5, 1, .5, .75], Numbers.Of(tuning.Statistics!), 1e-6, "Ibar, Ubar");
        Assert.Equal(2.6875, tuning.Scores()[0], 1e-5);
    }

    // Half of three layers, rounded up, are two: those of scores 7 and 5. One is left, which is never closed.
    [Fact]
    public void FinishTask_Layers_ClosesThoseOfTheHighestScoreButNotTheLast()
    {
        using var scope = NewDisposeScope();
        var method = (LoracIpc)ContinualMethods.Parse("lorac-ipc:freeze=0.5");
        LoraWeights Fresh() => Hand.Lora(1, [.. Enumerable.Range(0, 3).Select(index => (Hand.Site(1, 1, index), new double[,] { { 1 } }, new double[,] { { 1 } }))]);
        using var first = new LoracIpc.ConstrainedTuning(Fresh(), null, [.. Enumerable.Range(0, 3).Select(_ => ones(1, 1))], [0, 1, 2], method);
        // Ibar of A and B of each layer, then Ubar: scores 1 * 2 + 2 * 1.5 = 5, 1 + 1 = 2, 3.5 + 3.5 = 7.
        first.Statistics!.copy_(tensor(new float[] { 1, 2, 1, 1, 3.5f, 3.5f, 2, 1.5f, 1, 1, 1, 1 }));
        using var state = method.FinishTask(Hand.Config(1), first, null);
        Assert.Equal([true, false, true], state.Sites.Select(LoracIpc.IsClosed));

        using var second = new LoracIpc.ConstrainedTuning(Fresh(), state, [.. Enumerable.Range(0, 3).Select(_ => ones(1, 2))], [1], method);
        using var next = method.FinishTask(Hand.Config(1), second, state);
        Assert.Equal([true, false, true], next.Sites.Select(LoracIpc.IsClosed));
    }

    [Fact]
    public void Learn_AClosedLayer_ServesTheSameForGood()
    {
        using var scope = NewDisposeScope();
        var method = ContinualMethods.Parse("lorac-ipc:freeze=0.2"); // 3 of 14 layers a task
        using var first = Learned(method, null, 1);
        using var second = Learned(method, first, 2);
        using var third = Learned(method, second, 3);
        Assert.Equal([3, 6, 9], new[] { first, second, third }.Select(state => state.Sites.Count(LoracIpc.IsClosed)));
        foreach (var index in Enumerable.Range(0, first.Sites.Count))
        {
            var before = Hand.Served(first, index);
            var moved = Dense.Norm(Dense.Add(Hand.Served(third, index), before, -1));
            Assert.Equal(LoracIpc.IsClosed(first.Sites[index]), moved == 0);
            Assert.True(LoracIpc.IsClosed(third.Sites[index]) || !LoracIpc.IsClosed(second.Sites[index])); // never opened again
        }
    }

    [Fact]
    public void Learn_Weights_OfAllTasksAreTrained()
    {
        using var first = Learned(new LoracIpc(), null, 1);
        using var second = Learned(new LoracIpc(), first, 2);
        Assert.All(second.Sites.Where((_, index) => !LoracIpc.IsClosed(first.Sites[index])), site => Assert.DoesNotContain(1f, Numbers.Of(site.Tensors["w"])));
    }

    [Fact]
    public void Update_InTraining_ComputesWhatTheServedPairWill()
    {
        using var scope = NewDisposeScope();
        using var first = Learned(new LoracIpc(), null, 1);
        using var tuning = new LoracIpc().StartTask(_decoder, TinyModel.Lora, first, new Generator(1));
        using var noGrad = no_grad();
        // A new B of zeros adds nothing yet.
        using var live = new LiveParameters(tuning, CPU);
        using var served = first.ServingWeights();
        var ids = tensor(new long[] { 1, 5, 9, 2, 30 }).unsqueeze(0);
        var (training, serving) = (_decoder.Hidden(ids, tuning.Update(live, null)), _decoder.Hidden(ids, served));
        Assert.True(training.sub(serving).abs().max().item<float>() < 1e-5);
        Assert.True(training.sub(_decoder.Hidden(ids)).abs().max().item<float>() > 1e-2);
    }

    private AdapterState Learned(IContinualMethod method, AdapterState? previous, int task) => ContinualLearner.Learn(
        _decoder, method, TinyModel.Lora, previous, TinyModel.Rows(task), new TrainingOptions { LearningRate = 2e-2, Epochs = 2, BatchSize = 2, WeightDecay = 0.1 }, null, TestContext.Current.CancellationToken).State;

    /// <summary>One layer that has learned these pairs under these weights and is open.</summary>
    private static AdapterState State(LoracIpc method, double[][,] a, double[][,] b, double[] weights) => Hand.State(
        method, a.Length, a[0].GetLength(0), Hand.Site(a[0].GetLength(1), b[0].GetLength(0)),
        ("a_tasks", a.Aggregate(Dense.Below)), ("b_tasks", Dense.Transpose(b.Select(Dense.Transpose).Aggregate(Dense.Below))), ("w", Dense.Of(weights, 1, weights.Length)), ("closed", new double[1, 1]));

    private static LoracIpc.ConstrainedTuning Tuning(LoracIpc method, AdapterState? previous, double[,] a, double[,] b, double[] weights) =>
        new(Hand.Lora(a, b), previous, [Hand.Of(Dense.Of(weights, 1, weights.Length))], [0], method);
}
