using ContinualService.Domain.Evaluation;
using Xunit;

namespace ContinualService.Domain.Tests.Evaluation;

public sealed class ScoreDifferenceTests
{
    // Second 0.8 in 0.5 to 0.92, first 0.3 in 0.25 to 0.7: low 0.5 - sqrt(0.3^2 + 0.4^2), high 0.5 + sqrt(0.12^2 + 0.05^2).
    [Fact]
    public void Of_TwoScores_JoinsTheirIntervals()
    {
        var difference = ScoreDifference.Of(new MatrixCell(1, 1, 0.3, 10, 0.25, 0.7, "loss"), new MatrixCell(1, 2, 0.8, 10, 0.5, 0.92, "loss"));

        Assert.Equal(0.5, difference.Value, 12);
        Assert.Equal(0.0, difference.Low, 12);
        Assert.Equal(0.63, difference.High, 12);
    }
}
