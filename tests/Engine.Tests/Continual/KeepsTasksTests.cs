using ContinualService.Engine.Continual;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Training;
using ContinualService.Engine.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

/// <summary>What is left of a state when the pair of one task is taken out.</summary>
public sealed class KeepsTasksTests : IDisposable
{
    private static readonly TrainingOptions Options = new() { LearningRate = 1e-2, Epochs = 1, BatchSize = 4, Seed = 7 };

    private readonly Decoder _decoder = TinyModel.Create();

    public static TheoryData<string> Methods => [.. ContinualMethods.All.Where(method => method is IKeepsTasks).Select(method => method.Name)];

    public void Dispose() => _decoder.Dispose();

    [Fact]
    public void Methods_ThatKeepEveryTask_AreThese() => Assert.Equal(["inclora", "o-lora", "ties", "lorac-ipc"], Methods.Select(row => row.Data));

    [Theory]
    [MemberData(nameof(Methods))]
    public void Without_EachTask_KeepsThePairsOfTheOthersAsTheyAre(string name)
    {
        var method = (IKeepsTasks)ContinualMethods.ByName(name);
        using var scope = NewDisposeScope();
        using var whole = AfterThree(method);
        foreach (var removed in new[] { 1, 2, 3 })
        {
            using var state = method.Without(whole, removed);
            Assert.Equal(2, state.TaskIndex);
            int[] kept = [.. new[] { 1, 2, 3 }.Where(task => task != removed)];
            foreach (var (site, left) in whole.Sites.Zip(state.Sites))
            {
                foreach (var (tensorName, tensor) in site.Tensors)
                {
                    var dimension = tensorName switch { "a_tasks" => 0, "b_tasks" or "w" => 1, _ => -1 };
                    var width = dimension < 0 ? 0 : tensor.shape[dimension] / 3;
                    var expected = dimension < 0 ? tensor : cat([.. kept.Select(task => tensor.narrow(dimension, (task - 1) * width, width))], dimension);
                    Assert.Equal(Numbers.Of(expected), Numbers.Of(left.Tensors[tensorName]));
                }
            }
        }
    }

    // Without the newest task nothing of it is left: the state before it, where later tasks change nothing of the earlier ones.
    [Theory]
    [InlineData("inclora")]
    [InlineData("o-lora")]
    [InlineData("ties")]
    public void Without_TheLastTask_IsTheStateBeforeIt(string name)
    {
        var method = (IKeepsTasks)ContinualMethods.ByName(name);
        using var scope = NewDisposeScope();
        using var first = Learn(method, null, 1);
        using var second = Learn(method, first, 2);

        using var state = method.Without(second, 2);

        Assert.Empty(StateComparison.Of(first, state));
        using var served = state.ServingWeights();
        using var before = first.ServingWeights();
        Assert.Equal(Numbers.Of(before), Numbers.Of(served));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void Without_ATaskThatIsNotThere_IsRefused(int task)
    {
        var method = new IncLora();
        using var first = Learn(method, null, 1);
        using var second = Learn(method, first, 2);

        Assert.Throws<ArgumentOutOfRangeException>(() => method.Without(second, task));
        Assert.Throws<ArgumentOutOfRangeException>(() => method.Without(first, 1));
    }

    private AdapterState AfterThree(IContinualMethod method)
    {
        using var first = Learn(method, null, 1);
        using var second = Learn(method, first, 2);
        return Learn(method, second, 3);
    }

    private AdapterState Learn(IContinualMethod method, AdapterState? previous, int task) =>
        ContinualLearner.Learn(_decoder, method, TinyModel.Lora, previous, TinyModel.Rows(task), Options, null, TestContext.Current.CancellationToken).State;
}
