using ContinualService.Domain.Gates;
using ContinualService.Domain.Previews;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Data;
using ContinualService.Engine.Models;
using ContinualService.Worker.Child;
using ContinualService.Worker.Runs;
using TorchSharp;
using Xunit;

namespace ContinualService.Worker.Tests.Child;

/// <summary>What a run with a gate makes of its candidate, in this process: version 1 has learned red, task_2 is blue.</summary>
public sealed class CandidatesTests : IDisposable
{
    private const int Epochs = 10;
    private const double LearningRate = 0.02; // enough to forget by

    private readonly RunFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("slao")]
    [InlineData("o-lora")] // version 1 has another rank than the candidate
    public void Run_WithAGate_JudgesByTheScoresThatItRecords(string method)
    {
        var first = First(method);
        var spec = Second(first, method, new GatePolicy { LargestForgetting = 100, LargestMeanForgetting = 100, LeastGain = -100, LeastRows = 3 });
        RunFolder.Run(spec);

        var result = Result(spec);
        var gate = result.Gate!;
        Assert.Equal((GateOutcome.Pass, true, result.Lambda, 0), (gate.Verdict, gate.Accepted, gate.Lambda, gate.Tried.Count));
        Assert.Equal(
            [("task_blue", ScoredWeights.Base), ("task_blue", ScoredWeights.Previous), ("task_blue", ScoredWeights.Candidate), ("task_red", ScoredWeights.Candidate)],
            result.Scores.Select(score => (score.TaskId, score.Weights)).Order());
        // A loss: what is higher now was lost. Version 1's own run recorded the one before.
        var before = Result(first).Scores.Single(score => score.Weights == ScoredWeights.Candidate).Score;
        var forgotten = Score("task_red", ScoredWeights.Candidate) - before;
        Assert.True(forgotten > 0.01, $"{forgotten}");
        Assert.Equal(["task_red", null, "task_blue"], gate.Criteria.Select(each => each.TaskId));
        Assert.Equal([1, null, 1], gate.Criteria.Select(each => each.Against));
        Assert.Equal(forgotten, gate.Criteria[0].Estimate!.Value, 9);
        Assert.Equal(forgotten, gate.Criteria[1].Estimate!.Value, 9);
        Assert.Equal(Score("task_blue", ScoredWeights.Previous) - Score("task_blue", ScoredWeights.Candidate), gate.Criteria[2].Estimate!.Value, 9);
        Assert.All(gate.Criteria, each => Assert.True(each.Count == 3 && each.Low <= each.Estimate && each.Estimate <= each.High));
        Assert.Equal("task_red", gate.Broken[0].TaskId);

        double Score(string taskId, ScoredWeights weights) => result.Scores.Single(score => score.TaskId == taskId && score.Weights == weights).Score;
    }

    [Fact]
    public void Run_WhoseFirstTaskIsJudged_CountsItsGainFromTheBase()
    {
        var spec = _folder.Spec(Epochs, LearningRate) with { Gate = new GateSpec(new GatePolicy { LargestForgetting = 0, LeastGain = 1000, LeastRows = 1, OnFail = GateFallback.LargestLambda }, [], 0) };
        RunFolder.Run(spec);

        var result = Result(spec);
        var gain = Assert.Single(result.Gate!.Criteria);
        Assert.Equal((0, GateOutcome.Refused), (gain.Against, gain.Verdict));
        Assert.Equal(result.Scores[0].Score - result.Scores[1].Score, gain.Estimate!.Value, 9);
        // It is served whole under every lambda: there is none to try.
        Assert.Equal((1.0, 0), (result.Lambda, result.Gate.Tried.Count));
    }

    [Fact]
    public void Run_ThatLooksForTheLargestLambda_PublishesTheMergeThatTrainingWithItHadGiven()
    {
        var first = First("slao");
        var plain = Second(first, "slao", null);
        RunFolder.Run(plain);

        // Step 1: none passes. All are tried, from the method's own down, and its own is kept.
        var never = new GatePolicy { LargestForgetting = 0, LeastGain = 1000, LeastRows = 1, Confidence = 0.5, OnFail = GateFallback.LargestLambda };
        var none = Second(first, "slao", never);
        RunFolder.Run(none);
        var refused = Result(none).Gate!;
        var own = 1 / Math.Sqrt(2);
        Assert.Equal([own, .. GatePolicy.LambdasBelow(own)], refused.Tried.Select(trial => trial.Lambda));
        Assert.Equal((GateOutcome.Refused, false, own, own), (refused.Verdict, refused.Accepted, refused.Lambda, Result(none).Lambda));
        Assert.Equal(RunFolder.State(plain), RunFolder.State(none));

        // Step 2: a limit that the fourth keeps and those above it do not.
        var highs = refused.Tried.Select(trial => trial.Criteria[0].High!.Value).ToList();
        Assert.Equal(highs.OrderDescending(), highs);
        var some = Second(first, "slao", never with { LargestForgetting = highs[3], LeastGain = null });
        RunFolder.Run(some);
        var passed = Result(some).Gate!;
        var lambda = refused.Tried[3].Lambda;
        Assert.Equal((GateOutcome.Pass, true, lambda, lambda), (passed.Verdict, passed.Accepted, passed.Lambda, Result(some).Lambda));
        Assert.Equal([false, false, false, true], passed.Tried.Select(trial => trial.Accepted));
        Assert.Equal(refused.Tried[3].Criteria[0].Estimate, passed.Criteria[0].Estimate);
        Assert.NotEqual(Result(plain).Scores, Result(some).Scores);

        // Step 3: its state is M_last + lambda (M_ft - M_last) of the run without a gate, and its weights serve that state.
        using var model = BaseModel.Load(some.ModelFolder, torch.CPU, torch.float32);
        using var previous = Load(first);
        using var finished = Load(plain);
        using var expected = new Slao().MergeAt(finished, previous, MergeSchedule.Of(lambda), model.Config.LayerCount);
        var path = Path.Combine(some.OutputFolder, "expected.safetensors");
        expected.Save(path, some.BaseDigest);
        Assert.Equal(File.ReadAllBytes(path), RunFolder.State(some));
        Assert.NotEqual(RunFolder.State(plain), RunFolder.State(some));

        AdapterState Load(RunSpec of) => AdapterState.Load(Path.Combine(of.OutputFolder, RunResult.StateFile), model.Decoder, of.BaseDigest, new Engine.Lora.LoraConfig(of.Rank, of.Alpha, of.TargetModules));
    }

    [Fact]
    public void Run_EndedAfterItsVerdict_ComesToTheSameWhenRepeated()
    {
        var first = First("slao");
        var policy = new GatePolicy { LargestForgetting = 0, LeastRows = 1, Confidence = 0.5, OnFail = GateFallback.LargestLambda };
        var undisturbed = Second(first, "slao", policy);
        RunFolder.Run(undisturbed);
        var checkpointed = Second(first, "slao", policy) with { CheckpointSeconds = 3600 };
        var (_, said) = RunFolder.Run(checkpointed);

        // All was decided and written, and nobody heard of it: the next attempt has the last checkpoint.
        var repeated = Second(first, "slao", policy) with { Checkpoint = RunFolder.Stored(checkpointed, said.OfType<RunMessage.Checkpoint>().Single()) };
        var (finished, then) = RunFolder.Run(repeated);

        Assert.True(finished);
        Assert.DoesNotContain(then, message => message is RunMessage.Step);
        Assert.Equal(Result(undisturbed).Gate!.Write(), Result(repeated).Gate!.Write());
        Assert.Equal(Result(undisturbed).Scores, Result(repeated).Scores);
        Assert.Equal(RunFolder.State(undisturbed), RunFolder.State(repeated));
        Assert.True(said.OfType<RunMessage.Evaluation>().All(message => message.Fraction is >= 0 and <= 1));
    }

    [Fact]
    public void Run_OfSomeOfAnEarlierTasksRows_ScoresThoseAndNamesThemByTheNumbersTheyWereSentWith()
    {
        var red = First("slao");
        var policy = new GatePolicy { LargestForgetting = 0, LeastRows = 1 };
        var whole = Result(Judged(null, out var nothing));
        Assert.Empty(nothing);
        Assert.Equal((10, 10), (Red(whole).Count, whole.Gate!.Broken[0].Count)); // all of them lost
        var before = whole.Gate.Broken[0].Rows.ToDictionary(row => row.Row);

        HashSet<int> fewer = [];
        foreach (var most in new[] { 3, 6 })
        {
            var some = Judged(most, out var said);
            var (result, again) = (Result(some), Result(Judged(most, out _)));

            Assert.Equal([new RunMessage.RowsLeftOut(most, 1, 10 - most)], said);
            Assert.Equal((most, 3), (Red(result).Count, result.Scores.Single(score => score is { TaskId: "task_blue", Weights: ScoredWeights.Candidate }).Count));
            Assert.Equal((3 + 3 + 3) + 2 * most, result.Cost!.ScoredRows);
            // The rows that are scored are the drawn ones, each the same row as in the whole.
            var rows = result.Gate!.Broken[0].Rows;
            Assert.Equal(HeldOutDraw.Of(some.Evaluations[0].Rows.Sha256, 10, most).Select(row => row + 1), rows.Select(row => row.Row).Order());
            Assert.All(rows, row => Assert.Equal((before[row.Row].Before, before[row.Row].Now), (row.Before, row.Now), Close));
            Assert.Subset(rows.Select(row => row.Row).ToHashSet(), fewer);
            fewer = [.. rows.Select(row => row.Row)];
            Assert.Equal(result.Gate.Write(), again.Gate!.Write());
            Assert.Equal(result.Scores, again.Scores);
        }

        RunSpec Judged(int? most, out List<RunMessage> leftOut)
        {
            var spec = Second(red, "slao", policy);
            var reds = spec.Evaluations[0] with { Rows = _folder.Rows(Enumerable.Range(9, 10)), MostRows = most };
            spec = spec with { Evaluations = [reds, spec.Evaluations[1]] };
            leftOut = [.. RunFolder.Run(spec).Said.Where(message => message is RunMessage.RowsLeftOut)];
            return spec;
        }

        static RunScore Red(RunResult result) => result.Scores.Single(score => score is { TaskId: "task_red", Weights: ScoredWeights.Candidate });

        // Other rows share the batch.
        static bool Close((double, double) one, (double, double) other) => Math.Abs(one.Item1 - other.Item1) < 1e-4 && Math.Abs(one.Item2 - other.Item2) < 1e-4;
    }

    [Fact]
    public void Run_OfSomeRowsOneOfWhichCannotBeScored_NamesItByTheNumberItWasSentWith()
    {
        var spec = _folder.Spec(1);
        var rows = _folder.Rows(Enumerable.Range(1, 10), new string('x', 4000)); // longer than the model's context, all of them
        var failed = Assert.Throws<RunFailureException>(() => RunFolder.Run(spec with { Evaluations = [spec.Evaluations[0] with { Rows = rows, MostRows = 3 }] }));

        Assert.Contains($"3 held-out row(s) cannot be used; the first is number {HeldOutDraw.Of(rows.Sha256, 10, 3)[0] + 1}:", failed.Message, StringComparison.Ordinal);
        Assert.NotEqual(0, HeldOutDraw.Of(rows.Sha256, 10, 3)[0]);
    }

    private static RunResult Result(RunSpec spec) => RunJson.Read<RunResult>(Path.Combine(spec.OutputFolder, RunResult.FileName));

    private static StoredFile Stored(RunSpec spec, string name)
    {
        var path = Path.Combine(spec.OutputFolder, name);
        return new StoredFile(path, RunFiles.Sha256Of(path));
    }

    private RunSpec First(string method)
    {
        var spec = _folder.Spec(Epochs, LearningRate) with { Method = method };
        RunFolder.Run(spec);
        return spec;
    }

    private RunSpec Second(RunSpec first, string method, GatePolicy? policy) => _folder.Spec(Epochs, LearningRate) with
    {
        TaskId = "task_blue",
        Method = method,
        PreviousState = Stored(first, RunResult.StateFile),
        Train = _folder.Rows(Enumerable.Range(1, 8), "blue"),
        Evaluations =
        [
            first.Evaluations[0] with { Reference = policy is null ? null : new ReferenceSpec(1, 1, Stored(first, RunResult.AdapterFile)) },
            new EvaluationSpec("task_blue", _folder.Rows(Enumerable.Range(9, 3), "blue"), "loss", [], null),
        ],
        Gate = policy is null ? null : new GateSpec(policy, ["task_red"], 1),
    };
}
