using ContinualService.Engine.Continual;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Training;
using ContinualService.Engine.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

public sealed class NmtLoraTests
{
    // Omega = (1, 2, 3), moved by (.1, -.2, .3), lambda 10: penalty 10 (.01 + .08 + .27) = 3.6; gradient 20 (.1, -.4, .9) = (2, -8, 18).
    [Fact]
    public void Penalty_OfMovedWeights_IsTheWeightedSquareOfTheWay()
    {
        using var scope = NewDisposeScope();
        var (penalty, gradient, _) = Moved("nmt-lora:lambda=10", [.1f, -.2f, .3f], [0, 0, 0], 1);
        Assert.Equal(3.6, penalty, 1e-5);
        Numbers.AssertClose([2, -8, 18], gradient, 1e-6, "gradient");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Penalty_OfRandomWeights_EqualsTheDifferencesOfTheFormula(int seed)
    {
        using var scope = NewDisposeScope();
        var random = new Random(seed);
        float[] way = [.. Enumerable.Range(0, 3).Select(_ => random.NextSingle() - .5f)];

        var (penalty, gradient, _) = Moved("nmt-lora:lambda=0.4", way, [0, 0, 0], 1);

        double[] moved = [.. way.Select(value => (double)value)];
        Assert.Equal(Formula(moved), penalty, 1e-5);
        Numbers.AssertClose(Hand.Differences(Formula, moved), gradient, 1e-5, "gradient");

        static double Formula(double[] moved) => .4 * moved.Select((value, j) => (j + 1) * value * value).Sum();
    }

    // The mean of the squares of the gradients (1, 2, 0), (3, 0, 0), (2, 1, 1) over three steps: (14, 5, 1) / 3; the penalty's own gradient is not counted.
    [Fact]
    public void Statistics_AfterThreeSteps_AreTheMeanSquaredGradient()
    {
        using var scope = NewDisposeScope();
        using var state = State("nmt-lora");
        using var decoder = TinyModel.Create();
        using var tuning = new NmtLora().StartTask(decoder, Hand.Config(1), state, new Generator(1));
        using var live = new LiveParameters(tuning, CPU);
        using var noGrad = no_grad();
        foreach (var (gradient, step) in new[] { (new float[] { 1, 2, 0 }, 1), ([3, 0, 0], 2), ([2, 1, 1], 3) })
        {
            live.Weights.add_(.1);
            live.Gradient.copy_(tensor(gradient));
            tuning.AfterBackward(live, step);
        }

        Numbers.AssertClose([14 / 3.0, 5 / 3.0, 1 / 3.0], Numbers.Of(tuning.Statistics!), 1e-6, "mean");
        using var next = new NmtLora().FinishTask(Hand.Config(1), tuning, state);
        // Added to what earlier tasks left, (1, 2, 3).
        Numbers.AssertClose([1 + 14 / 3.0, 2 + 5 / 3.0], Numbers.Of(next.Sites[0].Tensors["omega_a"]), 1e-6, "of A");
        Numbers.AssertClose([3 + 1 / 3.0], Numbers.Of(next.Sites[0].Tensors["omega_b"]), 1e-6, "of B");
    }

    [Fact]
    public void Learn_WithKeptPairs_HoldsThePairThatEachVersionServed()
    {
        using var scope = NewDisposeScope();
        using var decoder = TinyModel.Create();
        var (method, options) = (ContinualMethods.Parse("nmt-lora:keepPairs=true"), new TrainingOptions { LearningRate = 1e-2, Epochs = 1, BatchSize = 2 });
        List<AdapterState> states = [];
        for (var task = 1; task <= 3; task++)
            states.Add(ContinualLearner.Learn(decoder, method, TinyModel.Lora, states.LastOrDefault(), TinyModel.Rows(task), options, null, TestContext.Current.CancellationToken).State);

        foreach (var (state, task) in states.Select((state, task) => (state, task)))
        {
            using var served = state.ServingWeights();
            Assert.All(served.Pairs.Zip(states[^1].Sites), both =>
            {
                Assert.Equal(Numbers.Of(both.First.A), Numbers.Of(both.Second.Tensors["a_tasks"].narrow(0, 3 * task, 3)));
                Assert.Equal(Numbers.Of(both.First.B), Numbers.Of(both.Second.Tensors["b_tasks"].narrow(1, 3 * task, 3)));
            });
        }
    }

    private static AdapterState State(string label) => Hand.State(
        ContinualMethods.Parse(label), 1, 1, Hand.Site(2, 1), ("a_ft", new double[,] { { 1, 1 } }), ("b_ft", new double[,] { { 1 } }), ("omega_a", new double[,] { { 1, 2 } }), ("omega_b", new double[,] { { 3 } }));

    private static (double Penalty, float[] Gradient, float[] Statistics) Moved(string label, float[] way, float[] gradient, int step)
    {
        using var state = State(label);
        using var decoder = TinyModel.Create();
        using var tuning = state.Method.StartTask(decoder, Hand.Config(1), state, new Generator(1));
        using var live = new LiveParameters(tuning, CPU);
        using var noGrad = no_grad();
        live.Weights.add_(tensor(way));
        live.Gradient.copy_(tensor(gradient));
        var penalty = tuning.AfterBackward(live, step)!;
        return (penalty.item<float>(), Numbers.Of(live.Gradient), Numbers.Of(tuning.Statistics!));
    }
}
