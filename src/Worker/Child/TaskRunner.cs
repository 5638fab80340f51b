using ContinualService.Domain.Drift;
using ContinualService.Domain.Previews;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Data;
using ContinualService.Engine.Evaluation;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using ContinualService.Worker.Runs;
using TorchSharp;

namespace ContinualService.Worker.Child;

/// <summary>Learns and scores one task: the part of a run that touches tensors. Synchronous, on the process's main thread.</summary>
internal static class TaskRunner
{
    /// <summary>True with all files written; false where it was asked to stop before that and did.</summary>
    public static bool Run(RunSpec spec, RunReporter reporter, CancellationToken stop)
    {
        reporter.Send(new RunMessage.Phase(LearningTaskPhase.Preparing));
        torch.set_num_threads(spec.Threads);
        using var bases = new RunBase();
        return Run(spec, bases, reporter, stop);
    }

    /// <summary>The same with the first phase reported.</summary>
    internal static bool Run(RunSpec spec, RunBase bases, RunReporter reporter, CancellationToken stop)
    {
        // Step 1: load the base.
        var holding = BaseHolding.Read(spec.Base);
        var model = bases.Held(spec, holding);
        if (model.Decoder is { Device.type: DeviceType.CPU, DType: torch.ScalarType.BFloat16 } && HereAndNow.SlowBFloat16 is { } speed)
            reporter.Send(new RunMessage.Log(FormattableString.Invariant($"Products in bfloat16 reach {speed:F2} of float32's speed on this processor, so training takes longer in it. Unless memory asks for it, set Training:Base to full and Models:Precision to float32.")));

        // Step 2: load the last state and the rows.
        var config = new LoraConfig(spec.Rank, spec.Alpha, spec.TargetModules);
        var method = ContinualMethods.ByName(spec.Method, spec.MethodOptions);
        using var previous = spec.PreviousState is { } state ? AdapterState.Load(RunFiles.Verify(state), model.Decoder, spec.BaseDigest, config) : null;
        var options = Options(spec.Hyperparameters);
        var rows = TrainingRows(spec, model);
        var evaluations = PrepareAll(spec, model, reporter);

        // Step 3: plan the memory.
        var plan = Plan();
        if (plan.Problem is { } problem) throw new RunFailureException(TaskFailureCode.OutOfMemory, problem, userError: true);
        var ways = spec.MicroBatches is { } given ? MicroBatching.Read(given) : [plan.Way];
        options = options with { MicroBatches = MicroBatching.With(ways, ways[0].AtMost(plan.Way)) };
        var size = plan.Size.AtMost(spec.ScoredTokens);
        SayMemory(options.MicroBatches[0], ranShort: false);

        // Step 4: train, from the checkpoint where there is a good one, and merge.
        using var checkpoint = LoadCheckpoint(spec, reporter);
        var relay = new LearningRelay(reporter, way => SayMemory(way, ranShort: true));
        if (Learn(checkpoint) is not LearningOutcome.Learned { Task: var learned }) return false;
        reporter.Send(new RunMessage.Merged(relay.MergingFor.TotalSeconds));
        using var newState = learned.State;
        var merge = spec.Merge is { } text ? MergeSchedule.Parse(text)! : MergeSchedule.Of(learned.Lambda);
        using var merged = Merged();

        // Step 5: score and write, with the base in full.
        model = bases.Held(spec, holding.InFull());
        // A run that went on from a checkpoint did its first steps on who knows what machine.
        return ScoreAndWrite(spec, model, merged ?? newState, merge, previous, rows, evaluations, relay.Resumed ? null : learned.Training, learned.Training.MicroBatches, size, reporter, stop);

        MemoryPlan Plan()
        {
            var longest = rows.Max(row => row.Ids.Length);
            return MemoryPlan.Choose(
                options.BatchSize, longest, MemoryBudget.Bytes(spec.MemoryMegabytes, spec.Device),
                (count, recomputes, each) => MemoryEstimate.Of(model.Config, config, method, previous?.TaskIndex ?? 0, Math.Min(count, rows.Count), longest, LongestOf(evaluations), options.Dropout > 0, recomputes, each, Precision.Base(spec.Precision), holding, spec.Device, spec.Threads));
        }

        void SayMemory(MicroBatching way, bool ranShort) => reporter.Send(new RunMessage.Memory(
            way, size.Tokens, way is { Recomputes: false } && way.Rows >= Math.Min(options.BatchSize, rows.Count) && size == ScoringSize.Largest, plan.Estimate.Total, plan.BudgetBytes, ranShort));

        // Null: it is merged so already.
        AdapterState? Merged() => merge.Lambda == learned.Lambda || previous is null ? null : method is IAffineMerge affine
            ? affine.MergeAt(learned.State, previous, merge, model.Config.LayerCount)
            : throw new RunFailureException(TaskFailureCode.InvalidSettings, $"The method '{spec.Method}' has no merge that one lambda says.", userError: true);

        LearningOutcome Learn(TrainingCheckpoint? from)
        {
            var writer = new CheckpointWriter(spec, from?.Step, reporter, TimeProvider.System, stop);
            var checkpointing = new Checkpointing { BaseDigest = spec.BaseDigest, From = from, Decide = writer.Decide, Write = writer.Write };
            try
            {
                return ContinualLearner.Learn(
                    model.Decoder, method, config, previous, rows, options, checkpointing, relay, CancellationToken.None);
            }
            catch (CheckpointException unfit) when (from is not null)
            {
                // It is another run's; without one this cannot happen again.
                SayUnusable(unfit, reporter);
                return Learn(null);
            }
        }
    }

    /// <summary>Scores a new state, judges it where the adapter has a gate, and writes the files that are published; false where it was asked to stop.</summary>
    /// <param name="merge">How the state was merged; a run with a gate has one lambda.</param>
    /// <param name="training">What the training took; null where that is not known of all of it.</param>
    /// <param name="microBatches">How its steps were cut; null: nothing was trained.</param>
    /// <param name="size">How much is scored at once.</param>
    internal static bool ScoreAndWrite(
        RunSpec spec, BaseModel model, AdapterState state, MergeSchedule merge, AdapterState? previous, IReadOnlyList<EncodedExample> rows, IReadOnlyList<PreparedEvaluation> evaluations,
        TrainingOutcome? training, string? microBatches, ScoringSize size, RunReporter reporter, CancellationToken stop)
    {
        // Step 1: score and, where the adapter has a gate, judge.
        reporter.Send(new RunMessage.Phase(LearningTaskPhase.Evaluating));
        var began = TimeProvider.System.GetTimestamp();
        var candidates = new Candidates(spec, model, evaluations, size, reporter, stop);
        if (candidates.Choose(state, merge.Mean(model.Config.LayerCount), previous) is not { } chosen) return false;
        using var merged = ReferenceEquals(chosen.State, state) ? null : chosen.State;
        // Its rank grows with the tasks where the method lays their pairs side by side.
        var served = chosen.State.ServedConfig;
        using var candidate = chosen.State.ServingWeights();
        var cost = training is null ? null : new RunCost(
            training.ProcessedTokens, training.Seconds, candidates.ScoredRows, TimeProvider.System.GetElapsedTime(began).TotalSeconds, PeakMemory.Read());

        // Step 2: how far it went.
        DriftMeasures? drift = null;
        using var before = previous?.ServingWeights();
        try
        {
            if (spec.Drift is { } watch && before is not null)
                drift = DriftProbe.Run(model, before, candidate, watch.CanaryPrompts, DriftProbe.Spread([.. evaluations.SelectMany(each => each.Rows)], watch.StopRows), candidates.Size, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return false;
        }

        // Step 3: write the files and hold the server's path against the trainer's; the service publishes what it finds here after our last message.
        reporter.Send(new RunMessage.Phase(LearningTaskPhase.Publishing));
        chosen.State.Save(Path.Combine(spec.OutputFolder, RunResult.StateFile), spec.BaseDigest);
        PeftAdapter.Save(spec.OutputFolder, served, candidate, spec.ModelName);
        List<int[]> texts = [.. evaluations.Where(each => each.TaskId == spec.TaskId).SelectMany(each => each.Rows).Concat(rows).Take(ServingProbe.MaxTexts).Select(row => row.Ids)];
        var agreement = ServingCheck.Run(model.Decoder, served, candidate, Path.Combine(spec.OutputFolder, PeftAdapter.WeightsFile), texts);
        RunJson.Write(
            Path.Combine(spec.OutputFolder, RunResult.FileName),
            new RunResult(chosen.State.TaskIndex, chosen.Lambda, chosen.Scores, agreement, HereAndNow.Of(spec, microBatches, candidates.Sizes), cost, drift, chosen.Gate) { Schedule = merge.Schedule });
        return true;
    }

    private static TrainingCheckpoint? LoadCheckpoint(RunSpec spec, RunReporter reporter)
    {
        if (spec.Checkpoint is not { } file) return null;
        try
        {
            return TrainingCheckpoint.Load(RunFiles.Verify(file));
        }
        catch (Exception unusable) when (unusable is CheckpointException or RunFailureException or IOException or UnauthorizedAccessException)
        {
            // Without it the run takes longer and ends the same.
            SayUnusable(unusable, reporter);
            return null;
        }
    }

    private static void SayUnusable(Exception why, RunReporter reporter) =>
        reporter.Send(new RunMessage.Log($"The run's checkpoint cannot be used; the run starts from its first step. {why.Message}"));

    /// <summary>How much a run scores at once that trains nothing before it: what the plan of one that trains takes, beside the same weights.</summary>
    /// <param name="spec">The run.</param>
    /// <param name="model">The base.</param>
    /// <param name="learned">Tasks learned before what is scored.</param>
    /// <param name="evaluations">What is scored.</param>
    internal static ScoringSize SizeOf(RunSpec spec, BaseModel model, int learned, IReadOnlyList<PreparedEvaluation> evaluations)
    {
        var (config, method) = (new LoraConfig(spec.Rank, spec.Alpha, spec.TargetModules), ContinualMethods.ByName(spec.Method, spec.MethodOptions));
        return MemoryPlan.SizeOf(
            MemoryBudget.Bytes(spec.MemoryMegabytes, spec.Device),
            size => MemoryEstimate.Of(model.Config, config, method, learned, 1, 1, LongestOf(evaluations), dropout: false, size: size, computesIn: model.Decoder.DType, holding: model.Decoder.Holding, device: spec.Device)).AtMost(spec.ScoredTokens);
    }

    private static int LongestOf(IReadOnlyList<PreparedEvaluation> evaluations) => evaluations.SelectMany(each => each.Rows).Select(row => row.Ids.Length).DefaultIfEmpty().Max();

    internal static BaseModel LoadBase(RunSpec spec, BaseHolding holding)
    {
        var digest = ModelDigest.Of(spec.ModelFolder);
        if (digest != spec.BaseDigest)
        {
            throw new RunFailureException(
                TaskFailureCode.BaseChanged,
                $"The files of base model '{spec.ModelName}' are not those this adapter was made for (digest {digest}, not {spec.BaseDigest}). Put the old files back, or make a new adapter.",
                userError: false);
        }

        return BaseModel.Load(spec.ModelFolder, torch.device(spec.Device), holding.ComputesIn(Precision.Base(spec.Precision)), digest, holding: holding);
    }

    private static TrainingOptions Options(Hyperparameters wanted)
    {
        var options = new TrainingOptions
        {
            LearningRate = wanted.LearningRate,
            Epochs = wanted.Epochs,
            MaxSteps = wanted.MaxSteps,
            BatchSize = wanted.BatchSize,
            MaxSequenceLength = wanted.MaxSequenceLength,
            Schedule = wanted.Schedule,
            WarmupFraction = wanted.WarmupFraction,
            WeightDecay = wanted.WeightDecay,
            MaxGradNorm = wanted.MaxGradNorm,
            Dropout = wanted.Dropout,
            Seed = wanted.Seed,
        };
        try
        {
            options.Validate();
        }
        catch (ArgumentException outOfRange)
        {
            throw new RunFailureException(TaskFailureCode.InvalidSettings, outOfRange.Message, userError: true, outOfRange);
        }

        return options;
    }

    /// <param name="numbers">How an error names the rows; null: 1, 2, ...</param>
    internal static IReadOnlyList<EncodedExample> Encode(BaseModel model, IReadOnlyList<TaskExample> examples, int? maxSequenceLength, string what, IReadOnlyList<int>? numbers = null)
    {
        var encoder = new ExampleEncoder(model.Tokenizer, model.Chat, Math.Min(maxSequenceLength ?? int.MaxValue, model.Config.MaxPositions));
        var encoded = numbers is null ? encoder.EncodeAll(examples) : encoder.EncodeAll(examples, numbers);
        if (encoded.Errors is [var first, ..])
        {
            throw new RunFailureException(
                TaskFailureCode.InvalidDataset, $"{encoded.ErrorCount} {what}(s) cannot be used; the first is number {first.Line}: {first.Reason} {first.Mend}", userError: true);
        }

        return encoded.Rows;
    }

    internal static IReadOnlyList<EncodedExample> TrainingRows(RunSpec spec, BaseModel model) => Encode(model, RunFiles.ReadRows(spec.Train), spec.Hyperparameters.MaxSequenceLength, "training row");

    /// <summary>Reads what is scored, and says so where that is not all.</summary>
    internal static List<PreparedEvaluation> PrepareAll(RunSpec spec, BaseModel model, RunReporter reporter)
    {
        var all = spec.Evaluations.Select(each => Prepare(model, each)).ToList();
        var bounded = all.FindAll(each => each.LeftOut > 0);
        if (bounded.Count > 0) reporter.Send(new RunMessage.RowsLeftOut(bounded.Max(each => each.Rows.Count), bounded.Count, bounded.Sum(each => each.LeftOut)));
        return all;
    }

    internal static PreparedEvaluation Prepare(BaseModel model, EvaluationSpec spec)
    {
        var metric = TaskMetricNames.Parse(spec.Metric) ?? throw new RunFailureException(TaskFailureCode.InvalidSettings, $"There is no metric '{spec.Metric}'.", userError: true);
        var labels = spec.TrainRows is { } train ? RunFiles.ReadRows(train).Select(row => row.Target).OfType<string>().Distinct().ToList() : spec.Labels;
        var rows = RunFiles.ReadRows(spec.Rows);
        var drawn = HeldOutDraw.Of(spec.Rows.Sha256, rows.Count, spec.MostRows);
        int[] numbers = [.. drawn.Select(row => row + 1)];
        return new PreparedEvaluation(spec.TaskId, Encode(model, [.. drawn.Select(row => rows[row])], null, "held-out row", numbers), numbers, rows.Count - drawn.Length, metric, labels, spec.Reference);
    }

    /// <param name="TaskId">Whose rows.</param>
    /// <param name="Rows">Those that are scored.</param>
    /// <param name="Numbers">Their numbers among all that the task was sent with, from 1.</param>
    /// <param name="LeftOut">How many are not scored.</param>
    /// <param name="Metric">How they are scored.</param>
    /// <param name="Labels">The answers to choose from.</param>
    /// <param name="Reference">With whose answers a gate compares.</param>
    internal sealed record PreparedEvaluation(
        string TaskId, IReadOnlyList<EncodedExample> Rows, IReadOnlyList<int> Numbers, int LeftOut, TaskMetric Metric, IReadOnlyList<string> Labels, ReferenceSpec? Reference);

    /// <summary>Passes on what the learner says; the first phase was reported before loading.</summary>
    private sealed class LearningRelay(RunReporter reporter, Action<MicroBatching> ranShort) : IProgress<LearningProgress>
    {
        private LearningPhase _phase = LearningPhase.Preparing;
        private long _phaseBegan;

        /// <summary>Whether training went on from a checkpoint.</summary>
        public bool Resumed { get; private set; }

        /// <summary>How long the phase has lasted that was reported last; read it at the end of the merge, which is the last.</summary>
        public TimeSpan MergingFor => TimeProvider.System.GetElapsedTime(_phaseBegan);

        public void Report(LearningProgress value)
        {
            if (value.Phase != _phase)
            {
                (_phase, _phaseBegan) = (value.Phase, TimeProvider.System.GetTimestamp());
                reporter.Send(new RunMessage.Phase(value.Phase == LearningPhase.Training ? LearningTaskPhase.Training : LearningTaskPhase.Merging));
            }

            if (value.ResumedAt is { } resumedAt)
            {
                Resumed = true;
                reporter.Send(new RunMessage.Resumed(resumedAt));
            }

            if (value.AddedRows > 0) reporter.Send(new RunMessage.RowsAdded(value.AddedRows));
            if (value.RanShort is { } way) ranShort(way);
            if (value.Step is { } step) reporter.Send(new RunMessage.Step(step.Step, step.TotalSteps, step.Loss, step.LearningRate, step.GradNorm, step.Tokens, step.Seconds));
        }
    }
}
