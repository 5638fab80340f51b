using ContinualService.Worker.Child;
using ContinualService.Worker.Runs;
using Xunit;

namespace ContinualService.Worker.Tests.Child;

/// <summary>Real training processes that are killed or stopped, and those that take up their work.</summary>
public sealed class RunTaskTests : IDisposable
{
    private const int ManyEpochs = 400; // long enough for a checkpoint in the middle

    private readonly RunFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Run_KilledAfterItsFirstCheckpoint_IsTakenUpAndEndsInTheSameBytes()
    {
        var undisturbed = _folder.Spec(ManyEpochs);
        using var whole = new ChildProcess(undisturbed);
        Assert.Equal(0, await whole.EndAsync(Token));
        var total = whole.Said.OfType<RunMessage.Step>().Last().Total;

        var killed = _folder.Spec(ManyEpochs) with { CheckpointSeconds = 1 };
        using var first = new ChildProcess(killed);
        var checkpoint = (await first.ReadUntilAsync<RunMessage.Checkpoint>(Token))!;
        first.Kill();
        Assert.Equal(137, await first.EndAsync(Token));
        Assert.InRange(checkpoint.Step, 1, total - 1);
        Assert.Equal($"checkpoint-{checkpoint.Step}.safetensors", checkpoint.File);

        var resumed = _folder.Spec(ManyEpochs) with { Checkpoint = RunFolder.Stored(killed, checkpoint) };
        using var second = new ChildProcess(resumed);
        Assert.Equal(0, await second.EndAsync(Token));

        Assert.Equal(checkpoint.Step, Assert.Single(second.Said.OfType<RunMessage.Resumed>()).Step);
        Assert.Equal(checkpoint.Step + 1, second.Said.OfType<RunMessage.Step>().First().Number);
        Assert.IsType<RunMessage.Done>(second.Said[^1]);
        Assert.Equal(RunFolder.State(undisturbed), RunFolder.State(resumed));
    }

    [Fact]
    public async Task Run_ToldToStop_WritesACheckpointAndEndsInOrder()
    {
        var stopped = _folder.Spec(ManyEpochs);
        using var first = new ChildProcess(stopped);
        await first.ReadUntilAsync<RunMessage.Step>(Token);
        await first.SayAsync("whatever");
        await first.SayAsync(ParentWatch.Stop);

        Assert.Equal(0, await first.EndAsync(Token));

        var checkpoint = Assert.IsType<RunMessage.Checkpoint>(first.Said[^2]);
        Assert.IsType<RunMessage.Stopped>(first.Said[^1]);
        Assert.Equal(first.Said.OfType<RunMessage.Step>().Last().Number, checkpoint.Step);
        Assert.False(File.Exists(Path.Combine(stopped.OutputFolder, RunResult.StateFile)));
        using var second = new ChildProcess(_folder.Spec(ManyEpochs) with { Checkpoint = RunFolder.Stored(stopped, checkpoint) });
        Assert.Equal(checkpoint.Step, (await second.ReadUntilAsync<RunMessage.Resumed>(Token))!.Step);
    }
}
