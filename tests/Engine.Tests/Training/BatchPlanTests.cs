using ContinualService.Engine.Training;
using Xunit;

namespace ContinualService.Engine.Tests.Training;

public sealed class BatchPlanTests
{
    private static readonly int[] Lengths = [.. Enumerable.Range(0, 200).Select(row => 10 + row * 37 % 90)];

    [Fact]
    public void Create_TwoEpochs_TakesEveryRowOncePerEpoch()
    {
        var plan = BatchPlan.Create(Lengths, new TrainingOptions { Epochs = 2, BatchSize = 8 }, new Random(1));
        Assert.Equal(50, plan.Count);
        Assert.Equal(Enumerable.Range(0, 200), plan.Take(25).SelectMany(step => step).Order());
        Assert.Equal(Enumerable.Range(0, 200), plan.Skip(25).SelectMany(step => step).Order());
        Assert.NotEqual(plan[0].Order(), plan[25].Order());
    }

    [Fact]
    public void Create_Bucketed_PadsLessThanPlainShuffling()
    {
        int Padding(IEnumerable<int[]> steps) => steps.Sum(step => step.Max(row => Lengths[row]) * step.Length - step.Sum(row => Lengths[row]));
        var plan = BatchPlan.Create(Lengths, new TrainingOptions { Epochs = 1, BatchSize = 8 }, new Random(1));
        var shuffled = Enumerable.Range(0, 200).ToArray();
        new Random(1).Shuffle(shuffled);
        Assert.True(Padding(plan) < Padding(shuffled.Chunk(8)) / 3);
    }

    [Fact]
    public void Create_AnyShuffle_BeginsWithTheMostTokens()
    {
        for (var seed = 1; seed <= 5; seed++)
        {
            var plan = BatchPlan.Create(Lengths, new TrainingOptions { Epochs = 2, BatchSize = 8, MaxSteps = 20 }, new Random(seed));
            Assert.Equal(plan.Max(Tokens), Tokens(plan[0]));
            Assert.True(Tokens(plan[0]) > Tokens(plan[1]));
        }

        static int Tokens(int[] step) => step.Sum(row => Lengths[row]);
    }

    [Fact]
    public void Create_MaxSteps_CutsThePlan() => Assert.Equal(30, BatchPlan.Create(Lengths, new TrainingOptions { Epochs = 3, MaxSteps = 30, BatchSize = 8 }, new Random(1)).Count);
}
