using ContinualService.Engine.Training;
using ContinualService.Worker.Runs;

namespace ContinualService.Worker.Child;

/// <summary>Says when a run's checkpoint is due, and leaves it in the output folder for the service to store.</summary>
/// <param name="spec">The output folder and how often.</param>
/// <param name="resumedAt">Step of the checkpoint that the service has already; null where the run starts anew.</param>
/// <param name="reporter">Told of every file.</param>
/// <param name="time">Measures the pauses.</param>
/// <param name="stop">Set when the process is to write a last one and end.</param>
internal sealed class CheckpointWriter(RunSpec spec, int? resumedAt, RunReporter reporter, TimeProvider time, CancellationToken stop)
{
    private long _last = time.GetTimestamp();

    public CheckpointDecision Decide(int made, int total)
    {
        if (stop.IsCancellationRequested) return CheckpointDecision.WriteAndStop;
        if (spec.CheckpointSeconds == 0 || made == resumedAt) return CheckpointDecision.GoOn;

        // The one at the end is always due: whoever dies in the scoring need not train again.
        return made == total || time.GetElapsedTime(_last) >= TimeSpan.FromSeconds(spec.CheckpointSeconds) ? CheckpointDecision.Write : CheckpointDecision.GoOn;
    }

    public void Write(TrainingCheckpoint checkpoint)
    {
        var name = FormattableString.Invariant($"checkpoint-{checkpoint.Step}.safetensors");
        var path = Path.Combine(spec.OutputFolder, name);
        try
        {
            checkpoint.Save(path);
            reporter.Send(new RunMessage.Checkpoint(checkpoint.Step, name, RunFiles.Sha256Of(path)));
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            // A full disk, say: the run goes on with one checkpoint fewer.
            reporter.Send(new RunMessage.Log($"The checkpoint at step {checkpoint.Step} could not be written. {failed.Message}"));
        }

        // From the end of the writing: where it is slow it must not take over.
        _last = time.GetTimestamp();
    }
}
