using ContinualService.Engine.Continual;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Training;
using ContinualService.Engine.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

public sealed class TiesTests
{
    // density .5 of four entries keeps two of each: (5, 0, 0, 3), (-2, 0, 4, 0), (0, -1, 0, 6) of what follows.
    // Signs of the sums (3, -1, 4, 9): +, -, +, +. Means of those that agree: 5, -1, 4, (3 + 6) / 2 = 4.5.
    [Fact]
    public void Resolve_ThreeTaskVectors_TrimsElectsAndAverages()
    {
        using var scope = NewDisposeScope();
        var vectors = tensor(new float[,] { { 5, 1, -1, 3 }, { -2, .5f, 4, -1 }, { .5f, -1, .25f, 6 } });
        Assert.Equal([5, -1, 4, 4.5f], Numbers.Of(Ties.Resolve(vectors, .5)));
    }

    [Fact]
    public void Resolve_OppositeVectors_GiveZero()
    {
        using var scope = NewDisposeScope();
        Assert.Equal([0, 3], Numbers.Of(Ties.Resolve(tensor(new float[,] { { 2, 3 }, { -2, 3 } }), 1)));
    }

    [Theory]
    [InlineData(1, .2, 1)]
    [InlineData(2, .6, .5)]
    public void Served_OfRandomTasks_EqualsTheFormula(int seed, double density, double scale)
    {
        using var scope = NewDisposeScope();
        var random = new Random(seed);
        var method = ContinualMethods.Parse(FormattableString.Invariant($"ties:density={density}:scale={scale}"));
        double[][,] a = [.. Enumerable.Range(0, 5).Select(_ => Dense.Random(2, 6, random))], b = [.. Enumerable.Range(0, 4).Select(_ => Dense.Random(5, 2, random))];
        AdapterState? state = null;
        for (var task = 0; task < 4; task++)
        {
            var tuning = new RememberingTuning(Hand.Lora(a[0], b[task]));
            tuning.Lora.Pairs[0].A.copy_(Hand.Of(a[task + 1]));
            state = method.FinishTask(Hand.Config(2), tuning, state);
        }

        using var served = state!.ServingWeights();
        var expectedA = Dense.Add(a[0], Formula([.. a.Skip(1).Select(task => Dense.Add(task, a[0], -1))]), scale);
        Numbers.AssertClose(Dense.Flat(expectedA), Numbers.Of(served.Pairs[0].A), 1e-6, "A");
        Numbers.AssertClose(Dense.Flat(Dense.Scale(scale, Formula(b))), Numbers.Of(served.Pairs[0].B), 1e-6, "B");

        double[,] Formula(double[][,] vectors)
        {
            var kept = (int)Math.Ceiling(density * vectors[0].Length);
            double[][,] trimmed = [.. vectors.Select(vector =>
            {
                var least = Dense.Flat(vector).Select(Math.Abs).OrderDescending().ElementAt(kept - 1);
                return Dense.Create(vector.GetLength(0), vector.GetLength(1), (i, j) => Math.Abs(vector[i, j]) >= least ? vector[i, j] : 0);
            })];
            return Dense.Create(vectors[0].GetLength(0), vectors[0].GetLength(1), (i, j) =>
            {
                var sign = Math.Sign(trimmed.Sum(vector => vector[i, j]));
                return trimmed.Select(vector => vector[i, j]).Where(value => value != 0 && Math.Sign(value) == sign).DefaultIfEmpty(0).Average();
            });
        }
    }

    [Fact]
    public void StartTask_Second_StartsWhereTheFirstDid()
    {
        using var decoder = TinyModel.Create();
        var method = new Ties();
        using var fresh = method.StartTask(decoder, TinyModel.Lora, null, new SeedStreams(42).TensorGenerator(SeedStreams.Initialisation));
        using var first = ContinualLearner.Learn(decoder, method, TinyModel.Lora, null, TinyModel.Rows(1), new TrainingOptions { LearningRate = 1e-2, Epochs = 1 }, null, TestContext.Current.CancellationToken).State;
        using var second = method.StartTask(decoder, TinyModel.Lora, first, new Generator(9));
        Assert.Equal(Numbers.Of(fresh.Lora), Numbers.Of(second.Lora));
    }
}
