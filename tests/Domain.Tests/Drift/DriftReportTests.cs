using ContinualService.Domain.Adapters;
using ContinualService.Domain.Drift;
using Xunit;

namespace ContinualService.Domain.Tests.Drift;

public sealed class DriftReportTests
{
    private static readonly DriftLimits Limits = new() { ScoreDrop = 0.1, LossRise = 0.5, Angle = 60, CanaryKl = 1, StopDrop = 0.2 };

    [Fact]
    public void Of_ScoresOfEarlierTasks_AlarmsWhereTheyFellByMoreThanTheLimitAndTheirInterval()
    {
        AdapterMatrixCell[] cells =
        [
            Cell(1, "far", 0.9), Cell(1, "near", 0.9), Cell(1, "few", 0.9), Cell(1, "better", 0.2), Cell(1, "new", 0.9), Cell(1, "worse", 1.0, "loss"), Cell(1, "slightly", 1.0, "loss"),
            Cell(2, "far", 0.79), Cell(2, "near", 0.81), Cell(2, "few", 0.5, width: 0.45), Cell(2, "better", 0.9), Cell(2, "new", 0.1), Cell(2, "worse", 1.6, "loss"), Cell(2, "slightly", 1.4, "loss"),
            Cell(2, "unknown before", 0.1), Cell(3, "far", 0.0),
        ];

        var report = DriftReport.Of(1, cells, 2, "new", new DriftMeasures(), Limits);

        Assert.Equal([("score_drop", "far", 0.1), ("loss_rise", "worse", 0.5)], report.Alarms.Select(alarm => (alarm.Alarm, alarm.Subject!, alarm.Limit)));
        Assert.Equal([0.11, 0.6], report.Alarms.Select(alarm => Math.Round(alarm.Value, 12)));
    }

    [Fact]
    public void Of_Measures_AlarmsWhereOneIsOverItsLimit()
    {
        var over = new DriftMeasures(60.5, "layer", 1.5, 9, 0.9, 0.6, 10);

        Assert.Equal([new("angle", 60.5, 60, "layer"), new("canary_kl", 1.5, 1, null), new("stop_drop", 0.9 - 0.6, 0.2, null)], Alarms(over, Limits));
        Assert.Empty(Alarms(over with { AngleDegrees = 60, CanaryKl = 1, Stopped = 0.75 }, Limits));
        // Answers that end more often are no drift, and what is not limited is not watched.
        Assert.Empty(Alarms(new DriftMeasures(StoppedBefore: 0.1, Stopped: 1), Limits));
        Assert.Empty(Alarms(over, new DriftLimits()));
        Assert.Empty(Alarms(new DriftMeasures(), Limits));

        static IReadOnlyList<DriftAlarm> Alarms(DriftMeasures measures, DriftLimits limits) => DriftReport.Of(1, [], 2, "task", measures, limits).Alarms;
    }

    [Fact]
    public void Report_AndPolicy_AreReadAsTheyWereWritten()
    {
        var report = new DriftReport(1, new DriftMeasures(60.5, "layer", 1.5, null, 0.9, 0.6, 10), Limits, [new("angle", 60.5, 60, "layer")]);
        var read = DriftReport.Read(report.Write())!;
        Assert.Equal(report with { Alarms = read.Alarms }, read);
        Assert.Equal(report.Alarms, read.Alarms);
        Assert.Null(DriftReport.Read(null));

        var policy = DriftPolicy.Read(new DriftPolicy(new DriftLimits { Angle = 5 }, ["hello"]).Write());
        Assert.Equal(Limits with { Angle = 5 }, policy.Limits.Over(Limits));
        Assert.Equal(["hello"], policy.CanaryPrompts!);
        Assert.Equal(Limits, DriftPolicy.Read(null).Limits.Over(Limits));
    }

    private static AdapterMatrixCell Cell(int version, string task, double score, string metric = "exact_match", double width = 0.05) =>
        new() { AdapterId = "adp_1", VersionNumber = version, TaskId = task, Score = score, Count = 10, Low = score - width, High = score + width, Metric = metric };
}
