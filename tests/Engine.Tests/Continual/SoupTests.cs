using ContinualService.Engine.Continual;
using ContinualService.Engine.Tests.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

public sealed class SoupTests
{
    // B = 1, 2, 6: mean 3; A is the last one.
    [Fact]
    public void Served_OfThreeTasks_IsTheLastAWithTheMeanB()
    {
        using var scope = NewDisposeScope();
        using var state = Hand.Chain(new Soup(), Hand.Config(1), new[] { 1, 2, 6.0 }.Select(b => Hand.Lora(new[,] { { b, 7 } }, new[,] { { b } })));
        using var served = state.ServingWeights();
        Numbers.AssertClose([3], Numbers.Of(served.Pairs[0].B), 1e-6, "B");
        Assert.Equal([6, 7], Numbers.Of(served.Pairs[0].A));
        Assert.Equal([6], Numbers.Of(state.Sites[0].BFineTuned));
    }

    [Fact]
    public void Served_OfNineRandomTasks_HasTheMeanOfAllB()
    {
        using var scope = NewDisposeScope();
        var random = new Random(2);
        double[][,] tuned = [.. Enumerable.Range(0, 9).Select(_ => Dense.Random(5, 2, random))];
        using var state = Hand.Chain(new Soup(), Hand.Config(2), tuned.Select(b => Hand.Lora(Dense.Random(2, 3, random), b)));
        var mean = tuned.Aggregate(new double[5, 2], (sum, b) => Dense.Add(sum, b, 1 / 9.0));
        Numbers.AssertClose(Dense.Flat(mean), Numbers.Of(state.Sites[0].BMerged), 1e-6, "B");
    }
}
