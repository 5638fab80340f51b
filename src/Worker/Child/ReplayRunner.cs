using ContinualService.Domain.Previews;
using ContinualService.Domain.Replays;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Worker.Runs;
using TorchSharp;

namespace ContinualService.Worker.Child;

/// <summary>
/// Learns the tasks of a lineage once more, each by the very recipe of its own run and from what the one before came out as. To compare, it stops at the first version that differs by more
/// than the tolerance: what follows from it differs too. To publish, it leaves the files of every part.
/// </summary>
internal static class ReplayRunner
{
    /// <summary>True with all parts done, or one that diverged; false where it was asked to stop before that and did.</summary>
    public static bool Run(RunSpec spec, ReplaySpec replay, RunReporter reporter, CancellationToken stop)
    {
        // Step 1: one base for all parts, loaded anew where one was computed or held otherwise.
        reporter.Send(new RunMessage.Phase(LearningTaskPhase.Preparing));
        torch.set_num_threads(spec.Threads);
        using var bases = new RunBase();
        var config = ModelConfig.Load(spec.ModelFolder);
        var previous = spec.PreviousState;
        for (var index = 0; index < replay.Parts.Count; index++)
        {
            // Step 2: learn, or take the pair out.
            var part = replay.Parts[index];
            reporter.Send(new RunMessage.Part(index, replay.Parts.Count));
            reporter.Send(new RunMessage.Phase(LearningTaskPhase.Preparing));
            var run = spec with
            {
                TaskId = part.TaskId,
                PreviousState = previous,
                Train = part.Train,
                Hyperparameters = part.Hyperparameters,
                Evaluations = part.Evaluations,
                Merge = part.Merge,
                MicroBatches = part.MicroBatches,
                Precision = part.Precision ?? spec.Precision,
                Base = part.Base,
                // Its digests say which part it belongs to; in another it is refused, and that part starts from its first step.
                Checkpoint = index == 0 ? spec.Checkpoint : null,
                Replay = null,
            };
            if (!(part.Without is { } task ? WithoutTask(run, part, task, bases.Held(run, BaseHolding.Read(part.Base).InFull()), reporter, stop) : TaskRunner.Run(run, bases, reporter, stop))) return false;

            // Step 3: keep what it left from being overwritten.
            string[] files = [RunResult.StateFile, RunResult.AdapterFile, RunResult.FileName];
            var (state, adapter, result) = (Keep(files[0]), Keep(files[1]), Keep(files[2]));
            previous = state;

            // Step 4: compare.
            if (replay.Tolerance is not { } tolerance) continue;
            var compared = Compare(part, state, adapter, RunJson.Read<RunResult>(result.Path).Environment, tolerance);
            reporter.Send(new RunMessage.Replayed(compared));
            if (compared.Verdict == ReplayVerdict.Diverged) return true;

            StoredFile Keep(string file)
            {
                var kept = Path.Combine(spec.OutputFolder, ReplayPart.FileOf(index, file));
                File.Move(Path.Combine(spec.OutputFolder, file), kept, overwrite: true);
                return new StoredFile(kept, RunFiles.Sha256Of(kept));
            }
        }

        return true;

        ReplayedVersion Compare(ReplayPart part, StoredFile state, StoredFile adapter, TrainingEnvironment environment, double tolerance)
        {
            using var stored = AdapterState.Load(RunFiles.Verify(part.State!), config, torch.CPU, spec.BaseDigest);
            using var again = AdapterState.Load(state.Path, config, torch.CPU, spec.BaseDigest);
            return ReplayedVersion.Of(part.Number, part.TaskId, adapter.Sha256, state.Sha256, environment, StateComparison.Of(stored, again), tolerance);
        }
    }

    private static bool WithoutTask(RunSpec spec, ReplayPart part, int task, BaseModel model, RunReporter reporter, CancellationToken stop)
    {
        if (ContinualMethods.ByName(spec.Method, spec.MethodOptions) is not IKeepsTasks method)
            throw new RunFailureException(TaskFailureCode.InvalidSettings, $"The method '{spec.Method}' keeps no pair of each task, so none can be taken out. Unlearn with mode exact.", userError: true);
        using var previous = spec.PreviousState is { } earlier ? AdapterState.Load(RunFiles.Verify(earlier), model.Decoder, spec.BaseDigest) : null;
        using var whole = AdapterState.Load(RunFiles.Verify(part.State!), model.Decoder, spec.BaseDigest);
        using var state = method.Without(whole, task);
        var evaluations = TaskRunner.PrepareAll(spec, model, reporter);
        var size = TaskRunner.SizeOf(spec, model, previous?.TaskIndex ?? 0, evaluations);
        return TaskRunner.ScoreAndWrite(spec, model, state, MergeSchedule.Of(method.Lambda(state.TaskIndex)), previous, TaskRunner.TrainingRows(spec, model), evaluations, null, null, size, reporter, stop);
    }
}
