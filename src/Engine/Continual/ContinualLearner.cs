using ContinualService.Engine.Data;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using TorchSharp;

namespace ContinualService.Engine.Continual;

/// <summary>Learns one task: the last state and the task's rows in, the next state out.
/// <list type="number">
/// <item>Prepare: the method says what is trained and where that starts.</item>
/// <item>Train on this task's rows alone, with a fresh optimiser.</item>
/// <item>Merge: the method makes the next state of the result.</item>
/// </list></summary>
public static class ContinualLearner
{
    /// <summary>Synchronous, on the caller's thread; changes neither the base nor <paramref name="previous"/>.</summary>
    /// <param name="decoder">The base.</param>
    /// <param name="method">See <see cref="ContinualMethods"/>.</param>
    /// <param name="config">The adapter's shape; the same for all its tasks.</param>
    /// <param name="previous">State after the last task; null for the first.</param>
    /// <param name="rows">The task's training rows.</param>
    /// <param name="options">How to tune.</param>
    /// <param name="progress">Told every phase and every step, on this thread when it is a synchronous one.</param>
    /// <param name="cancellationToken">Looked at between steps.</param>
    /// <exception cref="TrainingDivergedException">Loss or gradient is not finite.</exception>
    public static LearnedTask Learn(
        Decoder decoder, IContinualMethod method, LoraConfig config, AdapterState? previous, IReadOnlyList<EncodedExample> rows,
        TrainingOptions options, IProgress<LearningProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Learn(decoder, method, config, previous, rows, options, (Checkpointing?)null, progress, cancellationToken) switch
        {
            LearningOutcome.Learned learned => learned.Task,
            var other => throw new InvalidOperationException($"Nobody asked for a stop, yet the run ended as {other}."),
        };

    /// <summary>The same, and it can be stopped between two steps and continued later: the state at the end is the same, bit for bit, on the same machine.</summary>
    /// <inheritdoc cref="Learn(Decoder, IContinualMethod, LoraConfig, AdapterState?, IReadOnlyList{EncodedExample}, TrainingOptions, IProgress{LearningProgress}?, CancellationToken)"/>
    /// <param name="checkpointing">Where to continue, when to write, when to stop; null: never any of it.</param>
    /// <exception cref="CheckpointException">The checkpoint to continue from was made by another run; nothing was done yet.</exception>
    public static LearningOutcome Learn(
        Decoder decoder, IContinualMethod method, LoraConfig config, AdapterState? previous, IReadOnlyList<EncodedExample> rows,
        TrainingOptions options, Checkpointing? checkpointing, IProgress<LearningProgress>? progress, CancellationToken cancellationToken)
    {
        if (previous is not null && previous.Method.Label() != method.Label())
        {
            throw new ArgumentException($"The adapter's state was made by {previous.Method.Label()}, not by {method.Label()}; the method is fixed for an adapter's life.", nameof(method));
        }

        options.Validate();
        cancellationToken.ThrowIfCancellationRequested();
        using var scope = torch.NewDisposeScope();

        // Step 1: prepare.
        var run = checkpointing is null ? null : new ResumableRun(LearningInputs.Of(decoder, method, config, previous, rows, options, checkpointing.BaseDigest), checkpointing);
        progress?.Report(new LearningProgress(LearningPhase.Preparing));
        var trained = method.RowsOf(decoder, previous, rows, options, cancellationToken);
        using var generator = new SeedStreams(options.Seed).TensorGenerator(SeedStreams.Initialisation);
        using var tuning = method.StartTask(decoder, config, previous, generator);

        // Step 2: train.
        progress?.Report(new LearningProgress(LearningPhase.Training, ResumedAt: checkpointing?.From?.Step, AddedRows: trained.Count - rows.Count));
        var steps = progress is null ? null : new StepRelay(progress);
        var outcome = Trainer.Fit(
            decoder, tuning, trained, options, run, steps, way => progress?.Report(new LearningProgress(LearningPhase.Training, RanShort: way)), cancellationToken);
        if (outcome.Stopped) return new LearningOutcome.Stopped(outcome.Steps);

        // Step 3: merge.
        progress?.Report(new LearningProgress(LearningPhase.Merging));
        tuning.AfterTraining(decoder, rows, cancellationToken);
        var state = method.FinishTask(config, tuning, previous);
        return new LearningOutcome.Learned(new LearnedTask(state, method.Lambda(state.TaskIndex), outcome, trained.Count - rows.Count));
    }

    /// <summary>Passes steps on at once; <see cref="Progress{T}"/> would hand them to other threads, out of order.</summary>
    private sealed class StepRelay(IProgress<LearningProgress> target) : IProgress<TrainingStep>
    {
        public void Report(TrainingStep value) => target.Report(new LearningProgress(LearningPhase.Training, value));
    }
}
