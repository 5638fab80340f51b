using ContinualService.Engine.Continual;
using ContinualService.Engine.Data;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Training;
using ContinualService.Engine.Training;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

public sealed class EwcTests
{
    private static readonly LinearSite Site = Hand.Site(2, 1);

    // lambda / 2 = 50 (default 100). F = (1, 2, 3) for A = (a1, a2) and B = (b); moved by (.1, -.2, .3):
    // penalty 50 (1 * .01 + 2 * .04 + 3 * .09) = 18; gradient 100 (.1, -.4, .9) = (10, -40, 90).
    [Fact]
    public void Penalty_OfMovedWeights_IsTheWeightedSquareOfTheWay()
    {
        using var scope = NewDisposeScope();
        using var state = State([1, 2, 3]);
        using var tuning = Tuning(state, lambda: 100);
        var (penalty, gradient) = Moved(tuning, [.1f, -.2f, .3f]);
        Assert.Equal(18, penalty, 1e-4);
        Numbers.AssertClose([10, -40, 90], gradient, 1e-6, "gradient");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Penalty_OfRandomWeights_EqualsTheFormulaAndItsDifferences(int seed)
    {
        using var scope = NewDisposeScope();
        var random = new Random(seed);
        float[] fisher = [.. Enumerable.Range(0, 3).Select(_ => random.NextSingle())], way = [.. Enumerable.Range(0, 3).Select(_ => random.NextSingle() - .5f)];
        using var state = State(fisher);
        using var tuning = Tuning(state, lambda: 7);

        var (penalty, gradient) = Moved(tuning, way);

        double[] moved = [.. way.Select(value => (double)value)];
        Assert.Equal(Formula(moved), penalty, 1e-5);
        Numbers.AssertClose(Hand.Differences(Formula, moved), gradient, 1e-5, "gradient");

        double Formula(double[] moved) => 7 / 2.0 * moved.Select((value, j) => fisher[j] * value * value).Sum();
    }

    [Fact]
    public void Penalty_OfTheFirstTaskOrLambdaZero_IsNone()
    {
        using var scope = NewDisposeScope();
        using var state = State([1, 2, 3]);
        using var first = new Ewc.FisherTuning(Hand.Lora(new double[,] { { 1, 1 } }, new double[,] { { 1 } }), null, CPU, 100, 10);
        using var zero = Tuning(state, lambda: 0);
        Assert.Equal(0, Moved(first, [1, 1, 1]).Penalty);
        Assert.All(Moved(first, [1, 1, 1]).Gradient.Concat(Moved(zero, [1, 1, 1]).Gradient), value => Assert.Equal(0, value));
    }

    // F = decay F_before + F_new with decay .95: .95 (1, 2, 3) + (4, 0, 1) = (4.95, 1.9, 3.85).
    [Fact]
    public void FinishTask_Second_AddsTheNewFisherToTheDecayedOne()
    {
        using var scope = NewDisposeScope();
        using var state = State([1, 2, 3]);
        using var tuning = Tuning(state, lambda: 1);
        tuning.Fisher.copy_(tensor(new float[] { 4, 0, 1 }));
        using var next = new Ewc().FinishTask(Hand.Config(1), tuning, state);
        Numbers.AssertClose([4.95, 1.9], Numbers.Of(next.Sites[0].Tensors["omega_a"]), 1e-6, "of A");
        Numbers.AssertClose([3.85], Numbers.Of(next.Sites[0].Tensors["omega_b"]), 1e-6, "of B");
    }

    [Theory]
    [InlineData(100, new[] { 0, 1, 2, 3, 4, 5 })]
    [InlineData(3, new[] { 0, 2, 4 })] // evenly spaced
    public void AfterTraining_Rows_GiveTheMeanSquareOfEachRowsOwnGradient(int fisherRows, int[] chosen)
    {
        using var scope = NewDisposeScope();
        using var decoder = TinyModel.Create();
        using var tuning = new Ewc.FisherTuning(Tests.Models.TinyModels.CreateLora(decoder, TinyModel.Lora), null, CPU, 1, fisherRows);
        var rows = TinyModel.Rows(1);
        Assert.Equal(6, rows.Count);

        tuning.AfterTraining(decoder, rows, TestContext.Current.CancellationToken);

        // One row at a time by autograd over tensors of its own.
        var expected = new double[tuning.Fisher.numel()];
        foreach (var row in chosen)
        {
            var gradient = Gradient(decoder, tuning.Lora, rows[row]);
            for (var j = 0; j < expected.Length; j++) expected[j] += gradient[j] * gradient[j] / chosen.Length;
        }

        Assert.True(expected.Sum() > 0);
        Numbers.AssertClose(expected, Numbers.Of(tuning.Fisher), 1e-4, "Fisher");
    }

    [Fact]
    public void Learn_WithAHugeLambda_StaysWhereTheFisherIsNotZero()
    {
        using var decoder = TinyModel.Create();
        var options = new TrainingOptions { LearningRate = 1e-2, Epochs = 6, BatchSize = 6, MaxGradNorm = 0 };
        var (free, held) = (Way("ewc:lambda=0"), Way("ewc:lambda=1000000"));
        Assert.True(held < 0.7 * free, $"{held} against {free}");

        double Way(string label)
        {
            using var scope = NewDisposeScope();
            var method = ContinualMethods.Parse(label);
            var first = ContinualLearner.Learn(decoder, method, TinyModel.Lora, null, TinyModel.Rows(1), options, null, TestContext.Current.CancellationToken).State;
            var second = ContinualLearner.Learn(decoder, method, TinyModel.Lora, first, TinyModel.Rows(2), options, null, TestContext.Current.CancellationToken).State;
            return Math.Sqrt(first.Sites.Zip(second.Sites).Sum(both => both.First.BFineTuned.sub(both.Second.BFineTuned).square().sum().item<float>()));
        }
    }

    private static float[] Gradient(Decoder decoder, LoraWeights lora, EncodedExample row)
    {
        using var scope = NewDisposeScope();
        using var leaves = new LoraWeights([.. lora.Pairs.Select(pair => pair with { A = pair.A.clone().requires_grad_(true), B = pair.B.clone().requires_grad_(true) })]);
        var logits = decoder.Logits(decoder.Hidden(tensor(row.Ids.Select(id => (long)id).ToArray()).unsqueeze(0), leaves))[0]; // [T, V]
        var loss = zeros(1);
        for (var t = 1; t < row.Labels.Length; t++)
            if (row.Labels[t] != EncodedExample.IgnoreIndex)
                loss = loss.sub(logits[t - 1].log_softmax(0)[row.Labels[t]]);
        loss.backward();
        return [.. leaves.Pairs.SelectMany(pair => Numbers.Of(pair.A.grad!).Concat(Numbers.Of(pair.B.grad!)))];
    }

    private static AdapterState State(float[] fisher) => Hand.State(
        new Ewc(), 1, 1, Site, ("a_ft", new double[,] { { 1, 1 } }), ("b_ft", new double[,] { { 1 } }), ("omega_a", new double[,] { { fisher[0], fisher[1] } }), ("omega_b", new double[,] { { fisher[2] } }));

    private static Ewc.FisherTuning Tuning(AdapterState state, double lambda) => new(TunedPairs.StartFrom(state), state, CPU, lambda, 10);

    /// <summary>Penalty and gradient with the weights moved away from where they started.</summary>
    private static (double Penalty, float[] Gradient) Moved(Tuning tuning, float[] way)
    {
        using var scope = NewDisposeScope();
        using var live = new LiveParameters(tuning, CPU);
        using var noGrad = no_grad();
        live.Weights.add_(tensor(way));
        var penalty = tuning.AfterBackward(live, 1);
        return (penalty?.item<float>() ?? 0, Numbers.Of(live.Gradient));
    }
}
