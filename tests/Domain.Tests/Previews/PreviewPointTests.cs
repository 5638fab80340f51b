using ContinualService.Domain.Evaluation;
using ContinualService.Domain.Gates;
using ContinualService.Domain.Previews;
using Xunit;

namespace ContinualService.Domain.Tests.Previews;

public sealed class PreviewPointTests
{
    private static readonly GateVerdict Refused = new(
        GateOutcome.Refused, false, 0.5, [new GateCriterion(GateLimit.Forgetting, "task_1", 1, 0.1, 0.3, 0.2, 0.4, 50, GateOutcome.Refused, "broken")], [], [], new GatePolicy { LargestForgetting = 0.1 });

    [Fact]
    public void Write_APointWithItsVerdict_ReadsBackAndNamesItsOutcome()
    {
        PreviewPoint point = new(0.5, "a", "b", [new PreviewScore("task_1", 0.5, 50, 0.4, 0.6, "exact_match")], null, Refused);

        var written = PreviewPoint.Write([point]);

        Assert.Contains("\"verdict\":\"refused\"", written, StringComparison.Ordinal);
        var read = Assert.Single(PreviewPoint.Read(written));
        Assert.Equal(Refused.Policy, read.Gate!.Policy);
        Assert.Equal(Refused.Criteria, read.Gate.Criteria);
        Assert.Equal(point.Scores, read.Scores);
    }

    [Fact]
    public void Choose_TheBestPointThatTheGateRefuses_IsPassedOver()
    {
        var (best, second) = (Point(0.5, 0.9, Refused), Point(0.25, 0.8, Refused with { Accepted = true }));

        Assert.Same(second, new MergePolicy().Choose([best, second], 0.5));
        Assert.Null(new MergePolicy().Choose([best], 0.5));
    }

    private static MergePoint Point(double lambda, double accuracy, GateVerdict gate) =>
        new(MergeSchedule.Of(lambda), lambda, new MatrixCell(2, 2, accuracy, 50, 0, 1, "exact_match"), null, [], null, null, null, null, accuracy, gate);
}
