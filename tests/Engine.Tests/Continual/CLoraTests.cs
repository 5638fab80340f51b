using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Training;
using ContinualService.Engine.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

public sealed class CLoraTests
{
    // R_old = [1 2; 0 1], R_delta = [.1 0; .2 .3]: R_old^T R_delta = [1 0; 2 1] R_delta = [.1 0; .4 .3], squares .01 + .16 + .09 = .26, times lambda 2 = .52.
    // Gradient 2 lambda R_old (R_old^T R_delta) = 4 [1 2; 0 1] [.1 0; .4 .3] = 4 [.9 .6; .4 .3] = [3.6 2.4; 1.6 1.2].
    [Fact]
    public void Penalty_OfADelta_IsTheSquaredOverlapWithTheOldRouting()
    {
        using var scope = NewDisposeScope();
        using var tuning = Tuning(new double[,] { { 1, 2 }, { 0, 1 } }, new double[,] { { .1, 0 }, { .2, .3 } }, trainsPairs: false, lambda: 2);
        var (penalty, gradient) = Hand.Penalty(tuning);
        Assert.Equal(.52, penalty, 1e-6);
        Numbers.AssertClose([3.6, 2.4, 1.6, 1.2], gradient, 1e-6, "gradient");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Penalty_OfRandomMatrices_EqualsTheFormulaAndItsDifferences(int seed)
    {
        using var scope = NewDisposeScope();
        var random = new Random(seed);
        var (old, delta) = (Dense.Random(2, 2, random), Dense.Random(2, 2, random));
        using var tuning = Tuning(old, delta, trainsPairs: true, lambda: .7);

        var (penalty, gradient) = Hand.Penalty(tuning);

        Assert.Equal(Formula(Dense.Flat(delta)), penalty, 1e-5);
        Numbers.AssertClose(Hand.Differences(Formula, Dense.Flat(delta)), gradient[^4..], 1e-5, "gradient of the delta");
        Assert.All(gradient[..^4], value => Assert.Equal(0, value)); // A and B stand before it

        double Formula(double[] values) => .7 * Math.Pow(Dense.Norm(Dense.Mul(Dense.Transpose(old), Dense.Of(values, 2, 2))), 2);
    }

    // B = [1 0], R_old + R_delta = [1.1 2; .2 1.3]: B R = (1.1, 2); A = identity, so dW = (1.1, 2).
    [Fact]
    public void Served_AfterATask_HasTheRoutingInB()
    {
        using var scope = NewDisposeScope();
        using var tuning = Tuning(new double[,] { { 1, 2 }, { 0, 1 } }, new double[,] { { .1, 0 }, { .2, .3 } }, trainsPairs: true, lambda: 1);
        using var state = new CLora().FinishTask(Hand.Config(2), tuning, null);
        Numbers.AssertClose([1.1, 2], Dense.Flat(Hand.Served(state)), 1e-6, "dW");
        Numbers.AssertClose([1.1, 2, .2, 1.3], Numbers.Of(state.Sites[0].Tensors["routing"]), 1e-6, "R_old");
    }

    [Fact]
    public void Update_InTraining_ComputesWhatIsServed()
    {
        using var scope = NewDisposeScope();
        using var decoder = TinyModel.Create();
        var (method, options) = (new CLora(), new TrainingOptions { LearningRate = 2e-2, Epochs = 3, BatchSize = 2 });
        using var first = ContinualLearner.Learn(decoder, method, TinyModel.Lora, null, TinyModel.Rows(1), options, null, TestContext.Current.CancellationToken).State;
        using var tuning = method.StartTask(decoder, TinyModel.Lora, first, new Generator(1));
        using var noGrad = no_grad();
        using var live = new LiveParameters(tuning, CPU);
        using var served = first.ServingWeights();
        var ids = tensor(new long[] { 1, 5, 9, 2, 30 }).unsqueeze(0);
        var (training, serving) = (decoder.Hidden(ids, tuning.Update(live, null)), decoder.Hidden(ids, served));
        Assert.True(training.sub(serving).abs().max().item<float>() < 1e-5);
        Assert.True(training.sub(decoder.Hidden(ids)).abs().max().item<float>() > 1e-2);
        Assert.All(first.Sites, site => Assert.True(site.Tensors["routing"].sub(eye(3)).abs().max().item<float>() > 1e-4)); // R learned
    }

    [Theory]
    [InlineData("c-lora", true)]
    [InlineData("c-lora:train=routing", false)]
    public void Learn_SecondTask_MovesThePairsOnlyWhereTheyStayTrainable(string label, bool moves)
    {
        using var decoder = TinyModel.Create();
        var (method, options) = (ContinualMethods.Parse(label), new TrainingOptions { LearningRate = 1e-2, Epochs = 1, BatchSize = 2, WeightDecay = 0.5 });
        using var first = ContinualLearner.Learn(decoder, method, TinyModel.Lora, null, TinyModel.Rows(1), options, null, TestContext.Current.CancellationToken).State;
        using var second = ContinualLearner.Learn(decoder, method, TinyModel.Lora, first, TinyModel.Rows(2), options, null, TestContext.Current.CancellationToken).State;
        Assert.All(first.Sites.Zip(second.Sites), both =>
        {
            Assert.Equal(moves, !Numbers.Of(both.First.AFineTuned).SequenceEqual(Numbers.Of(both.Second.AFineTuned)));
            Assert.Equal(moves, !Numbers.Of(both.First.BFineTuned).SequenceEqual(Numbers.Of(both.Second.BFineTuned)));
            Assert.NotEqual(Numbers.Of(both.First.Tensors["routing"]), Numbers.Of(both.Second.Tensors["routing"]));
        });
    }

    [Fact]
    public void StartTask_First_HasNoPenalty()
    {
        using var decoder = TinyModel.Create();
        using var tuning = new CLora().StartTask(decoder, TinyModel.Lora, null, new Generator(1));
        using var live = new LiveParameters(tuning, CPU);
        Assert.Null(tuning.AfterBackward(live, 1));
    }

    private static CLora.RoutedTuning Tuning(double[,] old, double[,] delta, bool trainsPairs, double lambda) =>
        new(Hand.Lora(Dense.Identity(2), new double[,] { { 1, 0 } }), [Hand.Of(delta)], [Hand.Of(old)], trainsPairs, lambda);
}
