using ContinualService.Domain.Tasks;
using ContinualService.Worker.Runs;
using Xunit;

namespace ContinualService.Worker.Tests.Runs;

public sealed class RunProgressTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Trained_HalfWay_GivesTheRestAtTheMeasuredRate()
    {
        var progress = new RunProgress(evaluates: true);
        progress.Enter(LearningTaskPhase.Preparing, Start);
        progress.Enter(LearningTaskPhase.Training, Start);

        progress.Trained(50, 100, Start.AddSeconds(73));

        // Half of 2..75 in 73 s is 2 s a percent; 61.5 percent are left.
        Assert.Equal(38.5, progress.Percent, 9);
        Assert.Equal(123, progress.SecondsRemaining!.Value, 9);
    }

    [Fact]
    public void Trained_FirstOfManySteps_DoesNotGuessTheRest()
    {
        var progress = new RunProgress(evaluates: true);
        progress.Enter(LearningTaskPhase.Training, Start);

        progress.Trained(1, 1000, Start.AddSeconds(1));

        Assert.Null(progress.SecondsRemaining);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Phases_InOrder_NeverMoveTheBarBack(bool evaluates)
    {
        var progress = new RunProgress(evaluates);
        List<double> seen = [];
        foreach (var phase in Enum.GetValues<LearningTaskPhase>())
        {
            progress.Enter(phase, Start);
            seen.Add(progress.Percent);
            if (phase == LearningTaskPhase.Training) progress.Trained(10, 10, Start.AddSeconds(1));
            if (phase == LearningTaskPhase.Evaluating) progress.Evaluated(1, Start.AddSeconds(2));
            seen.Add(progress.Percent);
        }

        Assert.Equal(seen.Order(), seen);
        Assert.InRange(seen[^1], 98, 100);
    }

    // Four tasks, each a quarter of the bar; within a quarter the phases are where they are in the whole.
    [Fact]
    public void Begin_PartsOfARun_ShareTheBar()
    {
        var progress = new RunProgress(evaluates: true);
        progress.Enter(LearningTaskPhase.Preparing, Start);
        progress.Begin(1, 4);
        progress.Enter(LearningTaskPhase.Preparing, Start);
        Assert.Equal(25, progress.Percent, 9);

        progress.Enter(LearningTaskPhase.Training, Start);
        progress.Trained(50, 100, Start.AddSeconds(10));
        Assert.Equal(25 + 38.5 / 4, progress.Percent, 9);

        progress.Begin(3, 4);
        progress.Enter(LearningTaskPhase.Publishing, Start.AddSeconds(20));
        Assert.Equal(75 + 98 / 4.0, progress.Percent, 9);
    }
}
