using ContinualService.Domain.Previews;
using ContinualService.Domain.Replays;
using ContinualService.Domain.Tasks;
using ContinualService.Worker.Child;
using ContinualService.Worker.Runs;
using Xunit;

namespace ContinualService.Worker.Tests.Child;

/// <summary>A lineage made once more, in this process: against what the tasks' own runs left.</summary>
public sealed class ReplayRunnerTests : IDisposable
{
    private const double Tolerance = 1e-3;

    private static readonly string[] Five = ["red", "blue", "green", "gold", "grey"];

    private readonly RunFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("slao", """{"merge": "ftba-mba"}""")]
    [InlineData("o-lora", """{"lambda": 0.1}""")]
    public void Run_FiveTasksAgain_GivesTheSameBitsOfEach(string method, string options)
    {
        var specs = Learn(method, options, Five);

        var (finished, said) = RunFolder.Run(Replay(specs, specs.Select(spec => PartOf(spec)), Tolerance));

        Assert.True(finished);
        var versions = said.OfType<RunMessage.Replayed>().Select(message => message.Version).ToList();
        Assert.Equal([1, 2, 3, 4, 5], versions.Select(version => version.Number));
        Assert.Equal(specs.Select(spec => spec.TaskId), versions.Select(version => version.TaskId));
        Assert.All(versions, version => Assert.Equal((ReplayVerdict.BitIdentical, 0), (version.Verdict, version.Differing)));
        Assert.Equal(specs.Select(spec => RunFolder.StoredState(spec).Sha256), versions.Select(version => version.StateSha256));
        Assert.Equal(specs.Select(spec => RunFiles.Sha256Of(Path.Combine(spec.OutputFolder, RunResult.AdapterFile))), versions.Select(version => version.Sha256));
        Assert.Equal(HereAndNow.Of(specs[0], "4", "16384"), versions[0].Environment);
    }

    // The third task with another seed: the first two are the same, the third is not, and what would follow is not trained.
    [Fact]
    public void Run_AnotherSeed_DivergesAtThatTaskAndEndsThere()
    {
        var specs = Learn("slao", "{}", Five[..4]);
        var parts = specs.ConvertAll(spec => PartOf(spec));
        parts[2] = parts[2] with { Hyperparameters = parts[2].Hyperparameters with { Seed = 43 } };

        var (finished, said) = RunFolder.Run(Replay(specs, parts, Tolerance));

        Assert.True(finished);
        var versions = said.OfType<RunMessage.Replayed>().Select(message => message.Version).ToList();
        Assert.Equal([ReplayVerdict.BitIdentical, ReplayVerdict.BitIdentical, ReplayVerdict.Diverged], versions.Select(version => version.Verdict));
        Assert.True(versions[2].Differing > 0);
        Assert.Equal("model.layers.0.self_attn.q_proj", versions[2].Tensors[0].Layer);
        Assert.All(versions[2].Tensors, tensor => Assert.True(tensor.Largest > 0 && tensor.Relative > 0));
        Assert.Equal(new RunMessage.Part(2, 4), said.OfType<RunMessage.Part>().Last());
    }

    [Fact]
    public void Run_DifferencesWithinTheTolerance_AreToldAndTheReplayGoesOn()
    {
        var specs = Learn("slao", "{}", "red", "blue");
        var parts = specs.ConvertAll(spec => PartOf(spec));
        parts[0] = parts[0] with { Hyperparameters = parts[0].Hyperparameters with { Seed = 43 } };

        var (_, said) = RunFolder.Run(Replay(specs, parts, tolerance: 1e6));

        var versions = said.OfType<RunMessage.Replayed>().Select(message => message.Version).ToList();
        Assert.Equal([ReplayVerdict.WithinTolerance, ReplayVerdict.WithinTolerance], versions.Select(version => version.Verdict));
    }

    [Theory]
    [InlineData("slao", "{}")]
    [InlineData("lorac-ipc", "{}")]
    public void Run_WithoutATask_EqualsNeverHavingHadIt(string method, string options)
    {
        var with = Learn(method, options, "red", "blue", "green", "gold");
        var never = Learn(method, options, "red", "green", "gold");

        var spec = Replay(with, never.Skip(1).Select(other => PartOf(other) with { State = null }), tolerance: null) with { PreviousState = RunFolder.StoredState(with[0]), ScoresBase = false };
        var (finished, said) = RunFolder.Run(spec);

        Assert.True(finished);
        Assert.DoesNotContain(said, message => message is RunMessage.Replayed);
        for (var part = 0; part < 2; part++)
        {
            Assert.Equal(RunFolder.State(never[part + 1]), File.ReadAllBytes(Path.Combine(spec.OutputFolder, ReplayPart.FileOf(part, RunResult.StateFile))));
            Assert.Equal(RunFolder.Weights(never[part + 1]), File.ReadAllBytes(Path.Combine(spec.OutputFolder, ReplayPart.FileOf(part, RunResult.AdapterFile))));
            // The base has its scores already; all others are those that the task's own run takes.
            var (result, expected) = (ResultOf(spec, ReplayPart.FileOf(part, RunResult.FileName)), ResultOf(never[part + 1], RunResult.FileName));
            Assert.Equal(expected.Scores.Where(score => score.Weights != ScoredWeights.Base), result.Scores);
            Assert.Equal((part + 2, expected.Lambda), (result.TaskIndex, result.Lambda));
        }
    }

    [Theory]
    [InlineData("0.25", 0.25, null)]
    [InlineData("0.1..0.4", 0.25, "0.1..0.4")]
    public void Run_ChosenMerge_IsKeptAndComesOutTheSame(string merge, double lambda, string? schedule)
    {
        var specs = Learn("slao", "{}", "red");
        var second = Next("slao", "{}", "blue", specs) with { Merge = merge };
        RunFolder.Run(second);
        specs.Add(second);
        Assert.Equal((lambda, schedule), (ResultOf(second, RunResult.FileName).Lambda, ResultOf(second, RunResult.FileName).Schedule));

        var own = specs.ConvertAll(spec => PartOf(spec));
        own[1] = own[1] with { Merge = null };

        Assert.Equal(ReplayVerdict.BitIdentical, Last(specs.Select(spec => PartOf(spec))));
        Assert.Equal(ReplayVerdict.Diverged, Last(own));

        ReplayVerdict Last(IEnumerable<ReplayPart> parts) => RunFolder.Run(Replay(specs, parts, Tolerance)).Said.OfType<RunMessage.Replayed>().Last().Version.Verdict;
    }

    [Fact]
    public void Run_Approximate_TakesThePairOutAndTrainsNothing()
    {
        var specs = Learn("inclora", "{}", "red", "blue", "green");
        var part = PartOf(specs[2]) with { Without = 2, State = RunFolder.StoredState(specs[2]), Merge = null };

        var spec = Replay(specs, [part], tolerance: null) with { PreviousState = RunFolder.StoredState(specs[0]), ScoresBase = false };
        var (finished, said) = RunFolder.Run(spec);

        Assert.True(finished);
        Assert.DoesNotContain(said, message => message is RunMessage.Step);
        var result = ResultOf(spec, ReplayPart.FileOf(0, RunResult.FileName));
        Assert.Equal((2, 1.0), (result.TaskIndex, result.Lambda));
        Assert.Equal([("task_green", ScoredWeights.Previous), ("task_red", ScoredWeights.Candidate), ("task_blue", ScoredWeights.Candidate), ("task_green", ScoredWeights.Candidate)], result.Scores.Select(score => (score.TaskId, score.Weights)));
        // The pairs of red and green are those of the whole adapter; its score is neither that nor the exact one.
        Assert.NotEqual(ResultOf(specs[2], RunResult.FileName).Scores[^1].Score, result.Scores[^1].Score);
    }

    [Fact]
    public void Run_ApproximateOfAMethodWithoutPairs_IsRefusedByName()
    {
        var specs = Learn("slao", "{}", "red", "blue");

        var refused = Assert.Throws<RunFailureException>(() => RunFolder.Run(Replay(specs, [PartOf(specs[1]) with { Without = 1 }], tolerance: null)));

        Assert.Contains("'slao' keeps no pair of each task", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_StoppedInTheFirstPart_GoesOnFromItsCheckpoint()
    {
        var specs = Learn("slao", "{}", "red", "blue");
        var stopped = Replay(specs, specs.Select(spec => PartOf(spec)), Tolerance);
        var (finished, said) = RunFolder.Run(stopped, stopAt: message => message is RunMessage.Step { Number: 1 });
        Assert.False(finished);
        var checkpoint = Assert.Single(said.OfType<RunMessage.Checkpoint>());

        var (done, then) = RunFolder.Run(Replay(specs, specs.Select(spec => PartOf(spec)), Tolerance) with { Checkpoint = RunFolder.Stored(stopped, checkpoint) });

        Assert.True(done);
        Assert.Equal(new RunMessage.Resumed(1), Assert.Single(then.OfType<RunMessage.Resumed>()));
        Assert.DoesNotContain(then, message => message is RunMessage.Log);
        Assert.All(then.OfType<RunMessage.Replayed>(), message => Assert.Equal(ReplayVerdict.BitIdentical, message.Version.Verdict));
    }

    /// <summary>The tasks one after another, as the service runs them.</summary>
    private List<RunSpec> Learn(string method, string options, params string[] words)
    {
        List<RunSpec> specs = [];
        foreach (var word in words)
        {
            var spec = Next(method, options, word, specs);
            Assert.True(RunFolder.Run(spec).Finished);
            specs.Add(spec);
        }

        return specs;
    }

    private RunSpec Next(string method, string options, string word, List<RunSpec> before)
    {
        var spec = _folder.Spec(epochs: 1, word: word) with { Method = method, MethodOptions = options, PreviousState = before.Count == 0 ? null : RunFolder.StoredState(before[^1]) };
        return spec with { Evaluations = [.. before.Select(earlier => earlier.Evaluations[^1]), .. spec.Evaluations] };
    }

    private RunSpec Replay(List<RunSpec> specs, IEnumerable<ReplayPart> parts, double? tolerance) =>
        _folder.Spec(epochs: 1) with { Method = specs[0].Method, MethodOptions = specs[0].MethodOptions, Replay = new ReplaySpec([.. parts.Select((part, index) => part with { Number = index + 1 })], tolerance) };

    private static ReplayPart PartOf(RunSpec spec)
    {
        var result = ResultOf(spec, RunResult.FileName);
        return new(0, spec.TaskId, spec.Train, spec.Hyperparameters, spec.Evaluations, MergeSchedule.Named(result.Lambda, result.Schedule).Text, RunFolder.StoredState(spec));
    }

    private static RunResult ResultOf(RunSpec spec, string file) => RunJson.Read<RunResult>(Path.Combine(spec.OutputFolder, file));
}
