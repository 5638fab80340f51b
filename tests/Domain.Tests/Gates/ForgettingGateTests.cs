using System.Text.Json.Nodes;
using ContinualService.Domain.Gates;
using Xunit;

namespace ContinualService.Domain.Tests.Gates;

public sealed class ForgettingGateTests
{
    // 8 of 40 rows were right and are wrong: 0.2 lost, 0.075 to 0.325 by the binomial.
    private static readonly PairedRows Lost8Of40 = Rows("a", 1, Enumerable.Repeat(1.0, 40), Enumerable.Repeat(0.0, 8).Concat(Enumerable.Repeat(1.0, 32)));

    // 4 of 50 were right and are wrong, 4 the other way round.
    private static readonly PairedRows Turned4Of50 = Rows(
        "b", 2, [.. Enumerable.Repeat(1.0, 4), .. Enumerable.Repeat(0.0, 46)], [.. Enumerable.Repeat(0.0, 40), .. Enumerable.Repeat(1.0, 4), .. Enumerable.Repeat(0.0, 6)]);

    private static readonly PairedRows Won8Of40 = Rows("new", 2, Lost8Of40.Now, Lost8Of40.Before);

    [Theory]
    [InlineData(0.325, GateOutcome.Pass)]
    [InlineData(0.324, GateOutcome.Inconclusive)]
    [InlineData(0.2, GateOutcome.Inconclusive)]
    [InlineData(0.075, GateOutcome.Inconclusive)]
    [InlineData(0.074, GateOutcome.Refused)]
    [InlineData(0, GateOutcome.Refused)]
    public void Judge_LargestForgetting_DecidesByTheWholeInterval(double limit, GateOutcome expected)
    {
        var verdict = ForgettingGate.Judge(new GatePolicy { LargestForgetting = limit }, 0.5, [Lost8Of40], Won8Of40);

        var found = Assert.Single(verdict.Criteria);
        Assert.Equal((GateLimit.Forgetting, "a", 1, limit, 40, expected), (found.Criterion, found.TaskId, found.Against, found.Limit, found.Count, found.Verdict));
        Assert.Equal((0.2, 0.075, 0.325), (found.Estimate!.Value, found.Low!.Value, found.High!.Value));
        Assert.Equal(expected == GateOutcome.Pass, found.Reason is null);
        Assert.Equal((expected, expected == GateOutcome.Pass, 0.5), (verdict.Verdict, verdict.Accepted, verdict.Lambda));
    }

    [Theory]
    [InlineData(0.075, GateOutcome.Pass)]
    [InlineData(0.076, GateOutcome.Inconclusive)]
    [InlineData(0.325, GateOutcome.Inconclusive)]
    [InlineData(0.326, GateOutcome.Refused)]
    public void Judge_LeastGain_DecidesTheOtherWayRound(double limit, GateOutcome expected)
    {
        var verdict = ForgettingGate.Judge(new GatePolicy { LeastGain = limit }, 1, [Lost8Of40], Won8Of40);

        var found = Assert.Single(verdict.Criteria);
        Assert.Equal((GateLimit.Gain, "new", 2, 0.2, 0.075, 0.325, expected), (found.Criterion, found.TaskId, found.Against, found.Estimate!.Value, found.Low!.Value, found.High!.Value, found.Verdict));
    }

    [Fact]
    public void Judge_LargestMeanForgetting_JoinsTheResamplesOfEachTask()
    {
        // (0.2 + 0) / 2; the interval by another program, in Python. The third has no rows and no part in it.
        var verdict = ForgettingGate.Judge(new GatePolicy { LargestMeanForgetting = 0.185, LargestForgetting = 0.5 }, 1, [Lost8Of40, Turned4Of50, PairedRows.None("c")], Won8Of40);

        var mean = Assert.Single(verdict.Criteria, each => each.Criterion == GateLimit.MeanForgetting);
        Assert.Equal((null, null, 90, GateOutcome.Pass), (mean.TaskId, mean.Against, mean.Count, mean.Verdict));
        Assert.Equal([0.1, 0.02, 0.185], new[] { mean.Estimate!.Value, mean.Low!.Value, mean.High!.Value }.Select(value => Math.Round(value, 12)));
        var unmeasured = Assert.Single(verdict.Criteria, each => each.TaskId == "c");
        Assert.Equal((null, 0, GateOutcome.Inconclusive, "There are no held-out rows."), (unmeasured.Estimate, unmeasured.Count, unmeasured.Verdict, unmeasured.Reason));
        Assert.Equal(GateOutcome.Inconclusive, verdict.Verdict);
    }

    [Fact]
    public void Judge_ALoss_WeighsRowsByTheirTokens()
    {
        // Thirty rows of one token that lost 1, ten of nine tokens that won 1: (30 - 90) / 120.
        var rows = Rows("a", 1, Enumerable.Repeat(-1.0, 40), Enumerable.Repeat(-2.0, 30).Concat(Enumerable.Repeat(0.0, 10))) with { Weights = [.. Enumerable.Repeat(1.0, 30), .. Enumerable.Repeat(9.0, 10)] };

        Assert.Equal(-0.5, ForgettingGate.Judge(new GatePolicy { LargestForgetting = 0 }, 1, [rows], Won8Of40).Criteria[0].Estimate);
    }

    [Theory]
    [InlineData(40, GateOutcome.Refused)]
    [InlineData(41, GateOutcome.Inconclusive)]
    public void Judge_WithFewerRowsThanAskedFor_DecidesNothing(int leastRows, GateOutcome expected)
    {
        var verdict = ForgettingGate.Judge(new GatePolicy { LargestForgetting = 0.01, LeastRows = leastRows }, 1, [Lost8Of40], Won8Of40);

        Assert.Equal((expected, 0.2), (verdict.Verdict, verdict.Criteria[0].Estimate));
        Assert.Equal(expected == GateOutcome.Inconclusive, verdict.Criteria[0].Reason!.Contains("fewer than 41", StringComparison.Ordinal));
    }

    [Fact]
    public void Judge_TheFirstTask_HasNothingToForget()
    {
        var policy = new GatePolicy { LargestForgetting = 0, LargestMeanForgetting = 0 };
        Assert.Equal((GateOutcome.Pass, 0), (ForgettingGate.Judge(policy, 1, [], Won8Of40).Verdict, ForgettingGate.Judge(policy, 1, [], Won8Of40).Criteria.Count));
        Assert.Equal(GateOutcome.Refused, ForgettingGate.Judge(policy with { LeastGain = 0.5 }, 1, [], Won8Of40).Verdict);
        Assert.Equal(GateOutcome.Inconclusive, ForgettingGate.Judge(policy with { LeastGain = 0 }, 1, [], PairedRows.None("new")).Verdict);
    }

    [Fact]
    public void Judge_SeveralLimits_RefusesForOneAndIsUndecidedForOne()
    {
        var undecided = new GatePolicy { LargestForgetting = 0.2, LeastGain = 0 };
        Assert.Equal((GateOutcome.Inconclusive, false), Found(undecided));
        Assert.Equal((GateOutcome.Inconclusive, true), Found(undecided with { Inconclusive = GateUndecided.Accept }));
        Assert.Equal((GateOutcome.Refused, false), Found(undecided with { LeastGain = 0.9, Inconclusive = GateUndecided.Accept }));
        Assert.Equal((GateOutcome.Pass, true), Found(undecided with { LargestForgetting = 0.4 }));
        // A narrower interval decides sooner.
        Assert.Equal((GateOutcome.Inconclusive, false), Found(undecided with { LargestForgetting = 0.09 }));
        Assert.Equal((GateOutcome.Refused, false), Found(undecided with { LargestForgetting = 0.09, Confidence = 0.9 }));

        static (GateOutcome, bool) Found(GatePolicy policy)
        {
            var verdict = ForgettingGate.Judge(policy, 1, [Lost8Of40], Won8Of40);
            return (verdict.Verdict, verdict.Accepted);
        }
    }

    [Fact]
    public void Broken_NamesTheRowsThatLostMost_AFewOfThemWithTheirAnswersCut()
    {
        string[] answers = [.. Enumerable.Range(1, 12).Select(row => $"answer {row}")];
        var rows = Rows("a", 3, Enumerable.Repeat(1.0, 12), [0, 1, 0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0]) with { AnswersBefore = answers, AnswersNow = [.. answers.Select(answer => new string('x', 199) + "😀" + answer)] };

        var verdict = ForgettingGate.Judge(new GatePolicy { LeastGain = 0 }, 1, [rows, Turned4Of50], Won8Of40);

        Assert.Equal([("a", 3, 11), ("b", 2, 4)], verdict.Broken.Select(task => (task.TaskId, task.Against!.Value, task.Count)));
        // Row 2 did not break, row 3 broke by half and comes last, beyond the ten.
        Assert.Equal([1, 4, 5, 6, 7, 8, 9, 10, 11, 12], verdict.Broken[0].Rows.Select(row => row.Row));
        Assert.Equal((1, 0, "answer 4", new string('x', 199) + "..."), (verdict.Broken[0].Rows[1].Before, verdict.Broken[0].Rows[1].Now, verdict.Broken[0].Rows[1].AnswerBefore, verdict.Broken[0].Rows[1].AnswerNow));
        Assert.Equal((null, null), (verdict.Broken[1].Rows[0].AnswerBefore, verdict.Broken[1].Rows[0].AnswerNow));
        var many = ForgettingGate.Judge(new GatePolicy { LeastGain = 0 }, 1, [.. Enumerable.Range(0, 15).Select(task => rows with { TaskId = $"{task}" })], Won8Of40);
        Assert.Equal(10, many.Broken.Count);
        // Of rows that are some of the task's the numbers are the task's.
        Assert.Equal([(5, "answer 1"), (9, "answer 3")], (rows with { Before = [1, 1, 1], Now = [0, 1, 0.5], Numbers = [5, 7, 9] }).Broken().Rows.Select(row => (row.Row, row.AnswerBefore!)));
    }

    [Fact]
    public void Policy_AndVerdict_AreReadAsTheyWereWritten()
    {
        var policy = new GatePolicy { LargestForgetting = 0.1, OnFail = GateFallback.LargestLambda, Inconclusive = GateUndecided.Accept };

        Assert.Equal(policy, GatePolicy.Read(policy.Write()));
        Assert.Null(GatePolicy.Read(null));
        Assert.Equal(
            """{"largestForgetting":0.1,"largestMeanForgetting":null,"leastGain":null,"confidence":0.95,"leastRows":30,"inconclusive":"accept","onFail":"largestLambda"}""", policy.Write());
        var verdict = ForgettingGate.Judge(policy, 0.5, [Lost8Of40], Won8Of40);
        Assert.Equal(verdict.Write(), GateVerdict.Read(verdict.Write())!.Write());
        var told = JsonNode.Parse(verdict.Write())!;
        Assert.Equal(("inconclusive", true, "forgetting", 0.325), ((string?)told["verdict"], (bool)told["accepted"]!, (string?)told["criteria"]![0]!["criterion"], (double)told["criteria"]![0]!["high"]!));
    }

    [Fact]
    public void LambdasBelow_FallByEighthsAndEndAboveNothing() => Assert.Equal([0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1], GatePolicy.LambdasBelow(0.8).Select(lambda => Math.Round(lambda, 12)));

    private static PairedRows Rows(string taskId, int against, IEnumerable<double> before, IEnumerable<double> now) => new(taskId, against, [.. before], [.. now]);
}
