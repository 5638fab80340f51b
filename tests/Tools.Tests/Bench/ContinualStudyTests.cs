using System.Xml.Linq;
using ContinualService.Bench;
using ContinualService.Bench.Continual;
using ContinualService.Domain.Evaluation;
using Xunit;

namespace ContinualService.Tools.Tests.Bench;

public sealed class ContinualStudyTests
{
    // Two orders of two tasks; the second method keeps the first task.
    private static readonly ContinualStudy Study = new(
        ContinualSettings.Parse(new Arguments(["--data", "d", "--model", "m", "--order", "one,two", "--method", "slao,recall", "--seeds", "1,2"])),
        [
            Run("one", "slao", 1, ["a", "b"], 0.6, 0.1, 0.5), Run("one", "recall", 1, ["a", "b"], 0.6, 0.5, 0.5),
            Run("one", "slao", 2, ["a", "b"], 0.8, 0.2, 0.6), Run("one", "recall", 2, ["a", "b"], 0.6, 0.6, 0.4),
            Run("two", "slao", 1, ["b", "a"], 0.4, 0.0, 0.6), Run("two", "recall", 1, ["b", "a"], 0.4, 0.3, 0.5),
            Run("two", "slao", 2, ["b", "a"], 0.4, 0.2, 0.6), Run("two", "recall", 2, ["b", "a"], 0.4, 0.4, 0.2),
        ]);

    [Fact]
    public void Methods_OverOrdersAndSeeds_HaveMeansAndOrderDisparity()
    {
        var slao = Study.Methods[0];

        // AA: 0.3, 0.4, 0.3, 0.4; BWT: -0.5, -0.6, -0.4, -0.2.
        Assert.Equal(0.35, slao.AverageAccuracy!.Mean, 12);
        Assert.Equal(Math.Sqrt(0.01 / 3), slao.AverageAccuracy.Deviation!.Value, 12);
        Assert.Equal(-0.425, slao.BackwardTransfer!.Mean, 12);
        // Seed 1: a ends at 0.1 and 0.6, b at 0.5 and 0.0; seed 2: a at 0.2 and 0.6, b at 0.6 and 0.2.
        Assert.Equal((0.5 + 0.4) / 2, slao.LargestOrderDisparity!.Value, 12);
        Assert.Equal((0.5 + 0.4) / 2, slao.MeanOrderDisparity!.Value, 12);
        Assert.Equal(4, slao.Runs);
        Assert.Equal((96, 192), (slao.FirstStateBytes, slao.LastStateBytes));
    }

    [Fact]
    public void Differences_AgainstTheReference_ArePairedByOrderAndSeed()
    {
        var accuracy = Assert.Single(Study.Differences, difference => difference is { Method: "recall", Metric: "AA" });

        // 0.5 - 0.3, 0.5 - 0.4, 0.4 - 0.3, 0.3 - 0.4.
        Assert.Equal(0.075, accuracy.Mean, 12);
        Assert.Equal((4, 3), (accuracy.Pairs, accuracy.Wins));
        Assert.Equal(0.15, accuracy.PerOrder["one"], 12);
        Assert.Equal(0, accuracy.PerOrder["two"], 12);
        // All 256 resamples of four rows, by hand: the 7th from either end of the sorted means is at 2.5 %.
        double[] differences = [0.2, 0.1, 0.1, -0.1];
        var means = (from a in differences from b in differences from c in differences from d in differences select (a + b + c + d) / 4).Order().ToList();
        Assert.InRange(accuracy.Low, means[4] - 1e-12, means[9] + 1e-12);
        Assert.InRange(accuracy.High, means[^10] - 1e-12, means[^5] + 1e-12);
    }

    [Fact]
    public void Report_AndPlots_NameEveryMethodAndOrder()
    {
        var report = StudyReport.Markdown(Study, "0123456789abcdef");
        var plots = StudyPlots.Draw(Study).ToDictionary(plot => plot.Name, plot => XDocument.Parse(plot.Svg));

        Assert.Contains("| recall | 0.001 | AA | +0.0750 |", report, StringComparison.Ordinal);
        Assert.Contains("| 3 of 4 | +0.1500 | +0.0000 |", report, StringComparison.Ordinal);
        Assert.Equal(["aa-bwt", "differences", "progress"], plots.Keys);
        Assert.Contains("recall: AA", plots["differences"].Root!.Value, StringComparison.Ordinal);
        Assert.All(["slao", "recall"], method => Assert.Contains(method, plots["progress"].Root!.Value, StringComparison.Ordinal));
    }

    [Fact]
    public void Parse_ReferenceThatDoesNotRun_IsRefused() => Assert.Contains("soup", Assert.Throws<UsageException>(() => ContinualSettings.Parse(
        new Arguments(["--data", "d", "--model", "m", "--order", "a,b", "--method", "slao,recall", "--against", "soup"]))).Message, StringComparison.Ordinal);

    private static RunResult Run(string order, string method, long seed, string[] tasks, double firstLearned, double firstLast, double second)
    {
        MatrixCell Cell(int task, int version, double score) => new(task, version, score, 10, 0, 1, "exact_match");
        LearnedTaskResult Learned(string task, long bytes) => new(task, 1, 5, 2, 1, 100, 1, 0, 0, 0, bytes, 1, 3, false);
        return new RunResult(
            "hash", order, method, seed, 1e-3, tasks,
            [Cell(1, 0, 0), Cell(2, 0, 0), Cell(1, 1, firstLearned), Cell(2, 1, 0), Cell(1, 2, firstLast), Cell(2, 2, second)], [], [Learned(tasks[0], 96), Learned(tasks[1], 192)], 1);
    }
}
