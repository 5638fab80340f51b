using ContinualService.Domain.Replays;
using ContinualService.Engine.Continual;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

public sealed class StateComparisonTests
{
    private static readonly double[,] A = { { 1, -4 } };
    private static readonly double[,] B = { { 2 }, { 0 } };

    [Fact]
    public void Of_TheSameNumbers_FindsNothing()
    {
        using var scope = NewDisposeScope();
        Assert.Empty(StateComparison.Of(State(A, B), State(A, B)));
    }

    // Of A the second number moved by 0.5, and the largest stored magnitude is 4.
    [Fact]
    public void Of_OneNumberMoved_NamesItsTensorWithTheDistance()
    {
        using var scope = NewDisposeScope();
        var differing = StateComparison.Of(State(A, B), State(new double[,] { { 1, -3.5 } }, B));

        Assert.Equal([new TensorDifference("layer0", StateTensor.FineTunedA, 0.5, 0.125)], differing);
    }

    // b_merge follows from b_ft for the first task: both move; the stored ones are all 0.
    [Fact]
    public void Of_StoredZeros_MeasuresByTheNewNumbers()
    {
        using var scope = NewDisposeScope();
        var differing = StateComparison.Of(State(A, new double[,] { { 0 }, { 0 } }), State(A, new double[,] { { 0 }, { 3 } }));

        Assert.Equal([StateTensor.FineTunedB, StateTensor.MergedB], differing.Select(tensor => tensor.Tensor));
        Assert.All(differing, tensor => Assert.Equal((3.0, 1.0), (tensor.Largest, tensor.Relative)));
    }

    [Fact]
    public void Of_ZerosOfAnotherSign_AreOtherBitsWithoutADistance()
    {
        using var scope = NewDisposeScope();
        var differing = StateComparison.Of(State(A, B), State(A, new double[,] { { 2 }, { -0.0 } }));

        Assert.Equal([(0.0, 0.0), (0.0, 0.0)], differing.Select(tensor => (tensor.Largest, tensor.Relative)));
    }

    [Fact]
    public void Of_NotANumber_IsAsFarAsCanBe()
    {
        using var scope = NewDisposeScope();
        var broken = State(new double[,] { { double.NaN, -4 } }, B);

        Assert.Equal(double.MaxValue, Assert.Single(StateComparison.Of(State(A, B), broken)).Relative);
        Assert.Empty(StateComparison.Of(broken, State(new double[,] { { double.NaN, -4 } }, B)));
    }

    [Theory]
    [InlineData("slao", 2)]
    [InlineData("seqlora", 1)]
    [InlineData("slao:init=random", 1)]
    public void Of_StatesOfAnotherKind_IsRefused(string label, int taskIndex)
    {
        using var scope = NewDisposeScope();
        Assert.Throws<ArgumentException>(() => StateComparison.Of(State(A, B), State(A, B, label, taskIndex)));
    }

    private static AdapterState State(double[,] a, double[,] b, string label = "slao", int taskIndex = 1) => Hand.State(
        ContinualMethods.Parse(label), taskIndex, 1, Hand.Site(2, 2), (StateTensor.FineTunedA, a), (StateTensor.FineTunedB, b), (StateTensor.MergedB, b));
}
