using ContinualService.Engine.Continual;
using ContinualService.Engine.Tests.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

public sealed class MagMaxTests
{
    // theta_0: A = (1, 1), B = 0. Task 1 ends at A (3, 1), B 2; task 2 at A (2, -4), B -1.
    // Of A: |3 - 1| > |2 - 1| keeps 3, |1 - 1| < |-4 - 1| takes -4. Of B: |2| > |-1| keeps 2.
    [Fact]
    public void Served_OfTwoTasks_IsWhateverWentFarthest()
    {
        using var scope = NewDisposeScope();
        using var state = After([new double[,] { { 1, 1 } }, new double[,] { { 3, 1 } }, new double[,] { { 2, -4 } }], [new double[,] { { 2 } }, new double[,] { { -1 } }]);
        using var served = state.ServingWeights();
        Assert.Equal([3, -4], Numbers.Of(served.Pairs[0].A));
        Assert.Equal([2], Numbers.Of(served.Pairs[0].B));
        Assert.Equal([2, -4], Numbers.Of(state.Sites[0].AFineTuned)); // the trajectory goes on from the last fine-tune
    }

    [Fact]
    public void Served_OfFiveRandomTasks_IsTheLargestTaskVectorOfEachEntry()
    {
        using var scope = NewDisposeScope();
        var random = new Random(5);
        double[][,] a = [.. Enumerable.Range(0, 6).Select(_ => Dense.Random(2, 3, random))], b = [.. Enumerable.Range(0, 5).Select(_ => Dense.Random(4, 2, random))];
        using var state = After(a, b);
        using var served = state.ServingWeights();
        Assert.Equal(Dense.Flat(Dense.Create(2, 3, (i, j) => a[0][i, j] + a.Skip(1).Select(task => task[i, j] - a[0][i, j]).MaxBy(Math.Abs))), Numbers.Of(served.Pairs[0].A).Select(value => (double)value), (one, other) => Math.Abs(one - other) < 1e-6);
        Assert.Equal(Dense.Flat(Dense.Create(4, 2, (i, j) => b.Select(task => task[i, j]).MaxBy(Math.Abs))), Numbers.Of(served.Pairs[0].B).Select(value => (double)value));
    }

    /// <summary>The state after tasks that ended in these matrices; the first A is where the first task started.</summary>
    private static AdapterState After(double[][,] a, double[][,] b)
    {
        var method = new MagMax();
        AdapterState? state = null;
        foreach (var (end, index) in b.Select((end, index) => (end, index)))
        {
            var tuning = new RememberingTuning(Hand.Lora(index == 0 ? a[0] : Dense.From(state!.Sites[0].AFineTuned), b[0]));
            tuning.Lora.Pairs[0].A.copy_(Hand.Of(a[index + 1]));
            tuning.Lora.Pairs[0].B.copy_(Hand.Of(end));
            state = method.FinishTask(Hand.Config(a[0].GetLength(0)), tuning, state);
        }

        return state!;
    }
}
