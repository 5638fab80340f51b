using ContinualService.Bench.Continual;
using Xunit;

namespace ContinualService.Tools.Tests.Bench;

public sealed class ContinualReportTests
{
    [Fact]
    public void ScoringShares_OfATasksRow_CountItsRowsAndThoseOfTheTasksBefore()
    {
        // Of 10 + 30 rows: after the first task its 10 are a service's row, after the second all.
        var shares = ContinualReport.ScoringShares([10, 30], [Run((20, 8), (10, 8)), Run((20, 4), (10, 8)), Run((0, 8), (0, 8))]);

        Assert.Equal([0.3 / 4, 0.8], shares.Select(share => Math.Round(share, 12)));
        Assert.Empty(ContinualReport.ScoringShares([10, 30], [Run((0, 8), (0, 8))])); // a bound

        static RunResult Run(params (double Training, double Scoring)[] tasks) => new(
            "", "order", "slao", 1, 1e-3, ["a", "b"], [], [], [.. tasks.Select(task => new LearnedTaskResult("", 1, 1, 1, 1, 1, task.Training, 0, 0, 0, 0, task.Scoring, 0, false))], 0);
    }
}
