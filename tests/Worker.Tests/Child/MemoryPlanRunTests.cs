using ContinualService.Domain.Replays;
using ContinualService.Domain.Tasks;
using ContinualService.Worker.Child;
using ContinualService.Worker.Runs;
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

    [Fact]
    public void Run_AsAnEarlierOneWasCut_SaysSoAndGivesTheSameBits()
    {
        var first = _folder.Spec(2) with { MicroBatches = "3; 3:2+recompute" };
        var (_, said) = RunFolder.Run(first);
        Assert.Equal(new MicroBatching(1, 3, false), Assert.Single(said.OfType<RunMessage.Memory>()).Way);
        Assert.False(said.OfType<RunMessage.Memory>().Single().Whole);
        var recorded = RunJson.Read<RunResult>(Path.Combine(first.OutputFolder, RunResult.FileName)).Environment.MicroBatches;
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
        Assert.Equal("4", RunJson.Read<RunResult>(Path.Combine(plain.OutputFolder, RunResult.FileName)).Environment.MicroBatches);
    }
}
