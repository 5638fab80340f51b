using ContinualService.Domain.Replays;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Training;
using ContinualService.Worker.Child;
using ContinualService.Worker.Runs;
using TorchSharp;
using Xunit;

namespace ContinualService.Worker.Tests.Child;

/// <summary>A run within the memory that it may use, in this process.</summary>
public sealed class MemoryPlanRunTests : IDisposable
{
    private readonly RunFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Run_TooLittleMemory_IsRefusedBeforeTheFirstStep()
    {
        List<RunMessage> said = [];
        var error = Assert.Throws<RunFailureException>(() => RunFolder.Run(_folder.Spec(1) with { MemoryMegabytes = 100 }, message =>
        {
            said.Add(message);
            return false;
        }));

        Assert.Equal((TaskFailureCode.OutOfMemory, true), (error.Code, error.UserError));
        Assert.Contains("may use 100 MiB (Training:MemoryMegabytes)", error.Message, StringComparison.Ordinal);
        Assert.Contains("The largest part is the process itself", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(said, message => message is RunMessage.Step);
    }

    // The library refuses what no machine can give, in the middle of the second scoring.
    [Fact]
    public void Run_MemoryRunsOutWhileScoring_GoesOnWithHalfAndSaysSo()
    {
        var plain = _folder.Spec(2) with { ScoredTokens = 4096 };
        Assert.Equal(4096, Assert.Single(RunFolder.Run(plain).Said.OfType<RunMessage.Memory>()).ScoredTokens);

        var scored = 0;
        var spec = _folder.Spec(2);
        var (finished, said) = RunFolder.Run(spec, message => message is RunMessage.Evaluation && ++scored == 2 && Exhausted());

        Assert.True(finished);
        Assert.Equal(8192, Assert.Single(said.OfType<RunMessage.ScoringShort>()).Tokens);
        Assert.Equal(("16384; 8192", "4096"), (Result(spec).Environment.Scoring, Result(plain).Environment.Scoring));
        Assert.All(Result(plain).Scores.Zip(Result(spec).Scores), pair => Assert.Equal(pair.First.Score, pair.Second.Score, 1e-5));
        Assert.Equal(RunFolder.State(plain), RunFolder.State(spec));

        var error = Assert.Throws<MemoryExhaustedException>(() => RunFolder.Run(_folder.Spec(1), message => message is RunMessage.Evaluation && Exhausted()));
        Assert.Contains("Send shorter held-out rows", error.Message, StringComparison.Ordinal);

        static bool Exhausted()
        {
            torch.empty(1L << 50).Dispose();
            return false;
        }
    }

    // What training takes is all there: scoring comes down to what is left beside the weights.
    [Fact]
    public void Run_LittleMemoryForScoring_ScoresLessAtATime()
    {
        var spec = _folder.Spec(1);
        var need = RunFolder.Run(spec).Said.OfType<RunMessage.Memory>().Single().NeedBytes;
        var less = _folder.Spec(1) with { MemoryMegabytes = (int)(need >> 20) };
        var said = RunFolder.Run(less).Said.OfType<RunMessage.Memory>().Single();
        Assert.True(said is { Whole: false, ScoredTokens: < 16_384, Way: { Rows: 4, Recomputes: false } } && said.NeedBytes <= (long)less.MemoryMegabytes << 20, $"{said}");
        Assert.Equal($"{said.ScoredTokens}", Result(less).Environment.Scoring);
    }

    [Fact]
    public void Run_AsAnEarlierOneWasCut_SaysSoAndGivesTheSameBits()
    {
        var first = _folder.Spec(2) with { MicroBatches = "3; 3:2+recompute" };
        var (_, said) = RunFolder.Run(first);
        Assert.Equal(new MicroBatching(1, 3, false), Assert.Single(said.OfType<RunMessage.Memory>()).Way);
        Assert.False(said.OfType<RunMessage.Memory>().Single().Whole);
        var recorded = Result(first).Environment.MicroBatches;
        Assert.Equal("3; 3:2+recompute", recorded);

        var again = _folder.Spec(2) with { MicroBatches = recorded };
        RunFolder.Run(again);
        var plain = _folder.Spec(2);
        var (_, told) = RunFolder.Run(plain);

        // A replay of the version takes what its manifest says.
        var part = new ReplayPart(1, first.TaskId, first.Train, first.Hyperparameters, [], null, RunFolder.StoredState(first), recorded);
        var replay = RunFolder.Run(_folder.Spec(2) with { Replay = new ReplaySpec([part], 1e-3) }).Said.OfType<RunMessage.Replayed>().Single();
        Assert.Equal((ReplayVerdict.BitIdentical, recorded), (replay.Version.Verdict, replay.Version.Environment.MicroBatches));
        Assert.Equal(RunFolder.State(first), RunFolder.State(again));
        Assert.NotEqual(RunFolder.State(first), RunFolder.State(plain));
        Assert.Equal((new MicroBatching(1, 4, false), true), (told.OfType<RunMessage.Memory>().Single().Way, told.OfType<RunMessage.Memory>().Single().Whole));
        Assert.Equal("4", Result(plain).Environment.MicroBatches);
    }

    private static RunResult Result(RunSpec spec) => RunJson.Read<RunResult>(Path.Combine(spec.OutputFolder, RunResult.FileName));
}
