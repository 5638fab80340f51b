using ContinualService.Domain.Tasks;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Training;
using Xunit;

namespace ContinualService.Engine.Tests.Training;

public sealed class MemoryPlanTests
{
    // A row takes 100 for the backward pass, 40 with gradient checkpointing; all else 50.
    private static MemoryEstimate Estimate(int rows, bool recomputes, ScoringSize size) => new(30, 5, 5, rows * (recomputes ? 40 : 100), 0, 0, 10);

    [Theory]
    [InlineData(null, "8")] // nobody knows what there is
    [InlineData(850L, "8")]
    [InlineData(849L, "8+recompute")]
    [InlineData(370L, "8+recompute")]
    [InlineData(369L, "4+recompute")]
    [InlineData(130L, "2+recompute")]
    [InlineData(90L, "1+recompute")]
    public void Choose_ABudget_TakesTheFirstThatFits(long? budget, string expected)
    {
        var plan = MemoryPlan.Choose(8, 12, budget, Estimate);
        Assert.Equal(expected, MicroBatching.Write([plan.Way]));
        Assert.True(plan.Fits);
        Assert.Null(plan.Problem);
        Assert.Equal(Estimate(plan.Way.Rows, plan.Way.Recomputes, plan.Size), plan.Estimate);
        Assert.Equal(ScoringSize.Largest, plan.Size);
    }

    // Scoring takes a byte for each token, beside 45 that are always there and 45 of training.
    [Theory]
    [InlineData(null, 16_384)]
    [InlineData(16_429L, 16_384)]
    [InlineData(16_428L, 8_192)]
    [InlineData(200L, 128)]
    [InlineData(90L, 32)] // training needs as much
    public void Choose_ABudget_TakesTheLargestSizeOfScoringThatFits(long? budget, int tokens)
    {
        var plan = MemoryPlan.Choose(8, 12, budget, (rows, recomputes, size) => new MemoryEstimate(30, 5, 5, 40, 0, size.Tokens, 10));
        Assert.Equal(new ScoringSize(tokens), plan.Size);
        Assert.Equal((8, false, true), (plan.Way.Rows, plan.Way.Recomputes, plan.Fits));
    }

    [Fact]
    public void Choose_NotEvenOneHeldOutRow_IsRefused()
    {
        var plan = MemoryPlan.Choose(8, 12, 100, (rows, recomputes, size) => new MemoryEstimate(30, 5, 5, 40, 0, Math.Max(60, size.Tokens), 10));
        Assert.Equal(new ScoringSize(1), plan.Size);
        Assert.Contains("The largest part is the scoring of held-out rows", plan.Problem, StringComparison.Ordinal);
    }

    // Narrow it fits for training, but it is scored in full.
    [Fact]
    public void Choose_TheWholeBaseIsTooLargeToScore_SaysSo()
    {
        const long Mib = 1 << 20;
        var problem = MemoryPlan.Choose(8, 512, 100 * Mib, (_, _, _) => new MemoryEstimate(20 * Mib, 0, 0, 10 * Mib, 0, 5 * Mib, 0, WholeBase: 90 * Mib)).Problem;
        Assert.Contains("needs 115 MiB", problem, StringComparison.Ordinal);
        Assert.Contains("the base model's weights with 110 MiB: choose a smaller base, have it held otherwise (Training:Base, Training:Offload)", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Choose_NotEvenOneRow_SaysWhichPartIsTooLargeAndWhatToDo()
    {
        const long Mib = 1 << 20;
        MemoryPlan Plan(MemoryEstimate estimate) => MemoryPlan.Choose(8, 512, 100 * Mib, (_, _, _) => estimate);

        var activations = Plan(new MemoryEstimate(100 * Mib, 0, 0, 300 * Mib, 0, 350 * Mib, 0));
        Assert.False(activations.Fits);
        Assert.Equal(new MicroBatching(1, 1, true), activations.Way);
        // The scoring is larger than that training needs beside the weights: it is what counts.
        Assert.Contains("needs 450 MiB and may use 100 MiB (Training:MemoryMegabytes), even with one row of up to 512 tokens", activations.Problem, StringComparison.Ordinal);
        Assert.Contains("the scoring of held-out rows with 350 MiB: send shorter held-out rows", activations.Problem, StringComparison.Ordinal);
        Assert.Contains("the activations with 300 MiB: send a smaller maxSequenceLength", Plan(new MemoryEstimate(100 * Mib, 0, 0, 300 * Mib, 0, 0, 0)).Problem, StringComparison.Ordinal);
        Assert.Contains("the base model's weights with 300 MiB: choose a smaller base", Plan(new MemoryEstimate(300 * Mib, 0, 0, 20 * Mib, 0, 0, 0)).Problem, StringComparison.Ordinal);
    }
}
