using ContinualService.Domain.Tasks;
using ContinualService.Engine.Training;
using Xunit;

namespace ContinualService.Engine.Tests.Training;

public sealed class LearningRatesTests
{
    [Theory]
    [InlineData(LearningRateSchedule.Constant, new[] { 0.5, 1, 1, 1, 1, 1 })]
    [InlineData(LearningRateSchedule.Linear, new[] { 0.5, 1, 1, 0.75, 0.5, 0.25 })]
    [InlineData(LearningRateSchedule.Cosine, new[] { 0.5, 1, 1, 0.853553, 0.5, 0.146447 })]
    public void At_SixStepsTwoOfThemWarmup_FollowsSchedule(LearningRateSchedule schedule, double[] expected)
    {
        var options = new TrainingOptions { LearningRate = 1, Schedule = schedule, WarmupFraction = 0.2 };
        for (var step = 1; step <= 6; step++) Assert.Equal(expected[step - 1], LearningRates.At(options, step, 6), 6);
    }

    [Fact]
    public void At_NoWarmup_StartsAtThePeak() =>
        Assert.Equal(1, LearningRates.At(new TrainingOptions { LearningRate = 1, WarmupFraction = 0 }, 1, 10));
}
