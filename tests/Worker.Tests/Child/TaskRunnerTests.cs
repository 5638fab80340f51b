using ContinualService.Domain.Tasks;
using ContinualService.Worker.Runs;
using Xunit;

namespace ContinualService.Worker.Tests.Child;

/// <summary>What a run does with checkpoints, in this process.</summary>
public sealed class TaskRunnerTests : IDisposable
{
    private const int Epochs = 3;
    private const int TotalSteps = 6;
    private const int Hourly = 3600; // only the checkpoint at the end comes

    private readonly RunFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Run_WithCheckpoints_WritesOneAfterTheLastStepAndBeforeTheMerge()
    {
        var spec = _folder.Spec(Epochs) with { CheckpointSeconds = Hourly };

        var (finished, said) = RunFolder.Run(spec);

        Assert.True(finished);
        var at = Assert.Single(said, message => message is RunMessage.Checkpoint);
        Assert.Equal(TotalSteps, ((RunMessage.Checkpoint)at).Step);
        var order = said.ToList();
        Assert.True(order.IndexOf(said.OfType<RunMessage.Step>().Last()) < order.IndexOf(at));
        Assert.True(order.IndexOf(at) < order.IndexOf(new RunMessage.Phase(LearningTaskPhase.Merging)));
    }

    [Fact]
    public void Run_WithoutCheckpoints_WritesNone()
    {
        var spec = _folder.Spec(Epochs);

        Assert.DoesNotContain(RunFolder.Run(spec).Said, message => message is RunMessage.Checkpoint);
        Assert.Empty(Directory.EnumerateFiles(spec.OutputFolder, "checkpoint*"));
    }

    [Fact]
    public void Run_EndedInTheScoring_IsTakenUpWithoutTraining()
    {
        var undisturbed = _folder.Spec(Epochs);
        RunFolder.Run(undisturbed);
        var stopped = _folder.Spec(Epochs) with { CheckpointSeconds = Hourly };
        var (finished, said) = RunFolder.Run(stopped, stopAt: message => message is RunMessage.Phase { Name: LearningTaskPhase.Evaluating });
        Assert.False(finished);
        Assert.False(File.Exists(Path.Combine(stopped.OutputFolder, RunResult.FileName)));
        var checkpoint = Assert.Single(said.OfType<RunMessage.Checkpoint>());

        var resumed = _folder.Spec(Epochs) with { CheckpointSeconds = Hourly, Checkpoint = RunFolder.Stored(stopped, checkpoint) };
        var (done, then) = RunFolder.Run(resumed);

        Assert.True(done);
        Assert.Contains(new RunMessage.Resumed(TotalSteps), then);
        Assert.DoesNotContain(then, message => message is RunMessage.Step or RunMessage.Checkpoint);
        Assert.Equal(RunFolder.State(undisturbed), RunFolder.State(resumed));
        Assert.Equal(
            RunJson.Read<RunResult>(Path.Combine(undisturbed.OutputFolder, RunResult.FileName)).Scores,
            RunJson.Read<RunResult>(Path.Combine(resumed.OutputFolder, RunResult.FileName)).Scores);
    }

    [Fact]
    public void Run_StoppedAtAStep_GoesOnFromThere()
    {
        var undisturbed = _folder.Spec(Epochs);
        RunFolder.Run(undisturbed);
        var (stopped, checkpoint) = StoppedAt(3);

        var resumed = _folder.Spec(Epochs) with { Checkpoint = RunFolder.Stored(stopped, checkpoint) };
        var (_, said) = RunFolder.Run(resumed);

        Assert.Equal(3, checkpoint.Step);
        Assert.Equal([4, 5, 6], said.OfType<RunMessage.Step>().Select(step => step.Number));
        Assert.Equal(RunFolder.State(undisturbed), RunFolder.State(resumed));
    }

    [Fact]
    public void Run_WithAnAlteredCheckpoint_SaysSoAndStartsFromTheFirstStep()
    {
        var (stopped, checkpoint) = StoppedAt(3);
        var stored = RunFolder.Stored(stopped, checkpoint);
        var bytes = File.ReadAllBytes(stored.Path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(stored.Path, bytes);

        StartsAnew(_folder.Spec(Epochs) with { Checkpoint = stored }, "is damaged");
    }

    [Fact]
    public void Run_WithoutTheCheckpointsFile_SaysSoAndStartsFromTheFirstStep()
    {
        var (stopped, checkpoint) = StoppedAt(3);
        var stored = RunFolder.Stored(stopped, checkpoint);
        File.Delete(stored.Path);

        StartsAnew(_folder.Spec(Epochs) with { Checkpoint = stored }, stored.Path);
    }

    [Fact]
    public void Run_WithAFileThatIsNoCheckpoint_SaysSoAndStartsFromTheFirstStep()
    {
        var spec = _folder.Spec(Epochs);

        StartsAnew(spec with { Checkpoint = spec.Train }, "not a valid safetensors file");
    }

    [Fact]
    public void Run_WithAnotherRunsCheckpoint_SaysSoAndStartsFromTheFirstStep()
    {
        var (stopped, checkpoint) = StoppedAt(3);

        StartsAnew(_folder.Spec(Epochs, learningRate: 1e-3) with { Checkpoint = RunFolder.Stored(stopped, checkpoint) }, "other training options");
    }

    [Fact]
    public void Run_ThatCannotWriteItsCheckpoint_SaysSoAndFinishes()
    {
        var spec = _folder.Spec(Epochs) with { CheckpointSeconds = Hourly };
        Directory.CreateDirectory(Path.Combine(spec.OutputFolder, $"checkpoint-{TotalSteps}.safetensors.partial"));

        var (finished, said) = RunFolder.Run(spec);

        Assert.True(finished);
        Assert.DoesNotContain(said, message => message is RunMessage.Checkpoint);
        Assert.Contains("could not be written", Assert.Single(said.OfType<RunMessage.Log>()).Text, StringComparison.Ordinal);
    }

    private (RunSpec Spec, RunMessage.Checkpoint Checkpoint) StoppedAt(int step)
    {
        var spec = _folder.Spec(Epochs);
        var (finished, said) = RunFolder.Run(spec, stopAt: message => message is RunMessage.Step made && made.Number == step);
        Assert.False(finished);
        return (spec, Assert.IsType<RunMessage.Checkpoint>(said[^1]));
    }

    private static void StartsAnew(RunSpec spec, string because)
    {
        var (finished, said) = RunFolder.Run(spec);

        Assert.True(finished);
        var log = Assert.Single(said.OfType<RunMessage.Log>()).Text;
        Assert.Contains("starts from its first step", log, StringComparison.Ordinal);
        Assert.Contains(because, log, StringComparison.Ordinal);
        Assert.DoesNotContain(said, message => message is RunMessage.Resumed);
        Assert.Equal(Enumerable.Range(1, TotalSteps), said.OfType<RunMessage.Step>().Select(step => step.Number));
    }
}
