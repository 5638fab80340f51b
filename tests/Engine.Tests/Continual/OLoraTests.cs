using ContinualService.Engine.Continual;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Training;
using ContinualService.Engine.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

public sealed class OLoraTests
{
    // A_1 = (1, 2), A_2 = (3, -1), A_t = (1, -1): A_1 A_t^T = -1, A_2 A_t^T = 4. Penalty .5 (1 + 4) = 2.5; gradient .5 (-(1, 2) + (3, -1)) = (1, -1.5), and none for B.
    [Fact]
    public void Penalty_OfTwoEarlierTasks_IsHalfTheSumOfTheOverlaps()
    {
        using var scope = NewDisposeScope();
        var method = new OLora();
        using var previous = Hand.Chain(method, Hand.Config(1), [Hand.Lora(new double[,] { { 1, 2 } }, new double[,] { { 1 } }), Hand.Lora(new double[,] { { 3, -1 } }, new double[,] { { 1 } })]);
        using var tuning = Start(method, previous, new double[,] { { 1, -1 } }, new double[,] { { 5 } });
        var (penalty, gradient) = Hand.Penalty(tuning);
        Assert.Equal(2.5, penalty, 6);
        Assert.Equal([1, -1.5f, 0], gradient);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Penalty_OfRandomPairs_EqualsTheFormulaAndItsDifferences(int seed)
    {
        using var scope = NewDisposeScope();
        var random = new Random(seed);
        var method = (OLora)ContinualMethods.Parse("o-lora:lambda=0.3");
        double[][,] past = [Dense.Random(2, 5, random), Dense.Random(2, 5, random), Dense.Random(2, 5, random)];
        using var previous = Hand.Chain(method, Hand.Config(2), past.Select(a => Hand.Lora(a, Dense.Random(3, 2, random))));
        var start = Dense.Random(2, 5, random);
        using var tuning = Start(method, previous, start, Dense.Random(3, 2, random));

        var (penalty, gradient) = Hand.Penalty(tuning);

        Assert.Equal(Formula(Dense.Flat(start)), penalty, 1e-5);
        Numbers.AssertClose(Hand.Differences(Formula, Dense.Flat(start)), gradient[..10], 1e-5, "gradient");
        Assert.All(gradient[10..], value => Assert.Equal(0, value));

        double Formula(double[] a) => 0.3 * past.Sum(old => Dense.Flat(Dense.Mul(old, Dense.Transpose(Dense.Of(a, 2, 5)))).Sum(Math.Abs));
    }

    [Fact]
    public void Penalty_OfTheFirstTask_IsNone()
    {
        using var decoder = TinyModel.Create();
        using var tuning = new OLora().StartTask(decoder, TinyModel.Lora, null, new Generator(1));
        using var live = new LiveParameters(tuning, CPU);
        Assert.Null(tuning.AfterBackward(live, 1));
    }

    [Fact]
    public void Learn_WithALargerLambda_LeavesLessOverlap()
    {
        using var decoder = TinyModel.Create();
        var (without, with) = (Overlap("o-lora:lambda=0"), Overlap("o-lora:lambda=2"));
        Assert.True(with < 0.7 * without, $"{with} against {without}");

        double Overlap(string label)
        {
            using var scope = NewDisposeScope();
            var (method, options) = (ContinualMethods.Parse(label), new TrainingOptions { LearningRate = 5e-3, Epochs = 10, BatchSize = 6 });
            var first = ContinualLearner.Learn(decoder, method, TinyModel.Lora, null, TinyModel.Rows(1), options, null, TestContext.Current.CancellationToken).State;
            var second = ContinualLearner.Learn(decoder, method, TinyModel.Lora, first, TinyModel.Rows(2), options with { Seed = 8 }, null, TestContext.Current.CancellationToken).State;
            return second.Sites.Sum(site => site.Tensors["a_tasks"].narrow(0, 0, 3).mm(site.Tensors["a_tasks"].narrow(0, 3, 3).t()).abs().sum().item<float>());
        }
    }

    /// <summary>What the method would train after <paramref name="previous"/>, from a pair of the test's own.</summary>
    private static Tuning Start(OLora method, AdapterState previous, double[,] a, double[,] b) => method.Tune(Hand.Lora(a, b), previous);
}
