using System.Collections.Concurrent;
using System.Diagnostics;
using ContinualService.Domain.Evaluation;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Data;
using ContinualService.Engine.Evaluation;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Text;
using ContinualService.Engine.Training;

namespace ContinualService.Bench.Continual;

/// <summary>
/// Learns a stream of tasks with one method and one seed and fills the accuracy matrix. What two runs would compute twice alike is computed
/// once: the base's scores, and, per seed and rate, the first task of methods whose first state follows from plainly tuned weights (they start fresh from the same
/// stream of random numbers, so it is the same computation).
/// </summary>
/// <param name="settings">What the command line says.</param>
/// <param name="decoder">The base that is scored.</param>
/// <param name="trained">The same as it is held to train on.</param>
/// <param name="tokenizer">Its tokenizer.</param>
/// <param name="order">The order's name.</param>
/// <param name="tasks">Its tasks.</param>
/// <param name="untrained">The base's scores by task's name, common to all orders.</param>
/// <param name="meter">Told of the work done.</param>
public sealed class StreamRunner(
    ContinualSettings settings, Decoder decoder, Decoder trained, Tokenizer tokenizer, string order, IReadOnlyList<BenchTask> tasks, ConcurrentDictionary<string, Lazy<StreamRunner.Scored>> untrained, WorkMeter meter)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(long Seed, double Rate), Lazy<Taught>> _firstTasks = [];

    /// <summary>Units of work of one full run, in tokens through the forward pass; see <see cref="WorkMeter"/>. The base's scores are not in it.</summary>
    public double UnitsOf(string label) => label == Bounds.Base ? 0 : tasks.Sum(TrainUnits) + ((label == Bounds.Multitask ? 1 : tasks.Count) * UnitsOfScoring);

    /// <summary>Units of what a later method of the same seed does not repeat.</summary>
    public double UnitsOfFirstTask => TrainUnits(tasks[0]) + UnitsOfScoring;

    /// <summary>Whether a method's state after one task is known from the plainly tuned weights; the question needs no layers.</summary>
    public bool SharesFirstTask(string label)
    {
        if (Bounds.Names.Contains(label)) return false;
        using var none = new LoraWeights([]);
        using var state = ContinualMethods.Parse(label).StateOf(settings.Lora, none, 1);
        return state is not null;
    }

    public double UnitsOfScoring => tasks.Sum(ScoringUnits);

    /// <param name="label">See <see cref="ContinualMethods.Parse"/>; or one of <see cref="Bounds"/>.</param>
    /// <param name="seed">Root of the random streams.</param>
    /// <param name="options">How each task is tuned.</param>
    /// <param name="settingsHash">Kept with the result.</param>
    /// <param name="cancellationToken">Looked at between steps and rows.</param>
    public RunResult Run(string label, long seed, TrainingOptions options, string settingsHash, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        options = options with { Seed = seed };
        if (Bounds.Names.Contains(label)) return RunBound(label, options, settingsHash, cancellationToken);
        var method = ContinualMethods.Parse(label);
        var plain = SharesFirstTask(label);
        List<Scored> cells = [.. Base(cancellationToken)];
        List<LearnedTaskResult> learned = [];
        AdapterState? state = null;
        for (var index = 1; index <= tasks.Count; index++)
        {
            var shared = index == 1 && plain;
            var taught = shared ? FirstTask(options, cancellationToken).Value : Teach(method, tasks[index - 1], index, state, options, cancellationToken);
            state?.Dispose();

            // The shared first state stays as it is for the other methods; each run makes its own of it.
            state = shared ? FirstState(method, taught.State) : taught.State;
            cells.AddRange(taught.Cells);
            learned.Add(taught.Result with { Shared = shared });
        }

        state?.Dispose();
        return Result(label, options, settingsHash, cells, learned, clock);
    }

    /// <summary>A bound does not learn one task after another: its scores stand in the row of every task, so that its AA is the bound and its BWT 0.</summary>
    private RunResult RunBound(string label, TrainingOptions options, string settingsHash, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        var scores = Base(cancellationToken);
        List<Scored> cells = [.. scores];
        var result = Nothing("", 0);
        if (label == Bounds.Multitask)
        {
            var together = tasks[0] with { Name = "all tasks at once", Train = [.. tasks.SelectMany(task => task.Train)] };
            var taught = Teach(new SeqLora(), together, tasks.Count, null, options, cancellationToken);
            taught.State.Dispose();
            (scores, result) = (taught.Cells, taught.Result);
        }

        foreach (var version in Enumerable.Range(1, tasks.Count)) cells.AddRange(scores.Select((score, index) => score.In(index + 1, version)));
        return Result(label, options, settingsHash, cells, [.. tasks.Select((task, index) => index == 0 ? result with { Task = task.Name } : Nothing(task.Name, result.DeltaNorm))], clock);
    }

    private static LearnedTaskResult Nothing(string task, double deltaNorm) => new(task, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, deltaNorm, true);

    private RunResult Result(string label, TrainingOptions options, string settingsHash, IReadOnlyList<Scored> cells, IReadOnlyList<LearnedTaskResult> learned, Stopwatch clock) => new(
        settingsHash, order, label, options.Seed, options.LearningRate, [.. tasks.Select(task => task.Name)], [.. cells.Select(cell => cell.Cell)],
        [.. cells.Where(cell => cell.Likelihood is not null).Select(cell => cell.Likelihood!)], learned, clock.Elapsed.TotalSeconds);

    private IReadOnlyList<Scored> Base(CancellationToken cancellationToken) =>
        [.. tasks.Select((task, index) => untrained.GetOrAdd(task.Name, _ => new Lazy<Scored>(() => Score(task, null, cancellationToken))).Value.In(index + 1, 0))];

    private Lazy<Taught> FirstTask(TrainingOptions options, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (!_firstTasks.TryGetValue((options.Seed, options.LearningRate), out var first))
            {
                first = _firstTasks[(options.Seed, options.LearningRate)] = new Lazy<Taught>(() => Teach(new SeqLora(), tasks[0], 1, null, options, cancellationToken));
            }

            return first;
        }
    }

    private AdapterState FirstState(IContinualMethod method, AdapterState shared)
    {
        using var weights = shared.ServingWeights();
        return method.StateOf(settings.Lora, weights, 1)!;
    }

    private Taught Teach(IContinualMethod method, BenchTask task, int index, AdapterState? previous, TrainingOptions options, CancellationToken cancellationToken)
    {
        var units = TrainUnits(task);
        var watch = new PhaseWatch(share => meter.Add(units * share));
        var learned = ContinualLearner.Learn(trained, method, settings.Lora, previous, task.Train, options, watch, cancellationToken);
        watch.Report(new LearningProgress(LearningPhase.Merging));
        using var served = learned.State.ServingWeights();
        var clock = Stopwatch.StartNew();
        var cells = tasks.Select((each, place) => Score(each, served, cancellationToken).In(place + 1, index)).ToList();
        var training = learned.Training;
        meter.Say(FormattableString.Invariant(
            $"{method.Label()} seed {options.Seed} lr {options.LearningRate:G3}: learned {task.Name} ({index}/{tasks.Count}), loss {training.FirstLoss:F3} -> {training.LastLoss:F3}, ")
            + FormattableString.Invariant($"{training.ProcessedTokens / training.Seconds:F0} tokens/s, {learned.AddedRows} rows added; scores {string.Join(" ", cells.Select(cell => cell.Cell.Score.ToString("F3", System.Globalization.CultureInfo.InvariantCulture)))}"));
        return new Taught(learned.State, cells, new LearnedTaskResult(
            task.Name, learned.Lambda, training.Steps, training.FirstLoss, training.LastLoss, training.ProcessedTokens, training.Seconds, learned.AddedRows,
            watch.SecondsOf(LearningPhase.Preparing), watch.SecondsOf(LearningPhase.Merging), sizeof(float) * method.StateElements(settings.Lora, served.Pairs.Select(pair => pair.Site), learned.State.TaskIndex), clock.Elapsed.TotalSeconds, DeltaNorm.Of(served), false));
    }

    private Scored Score(BenchTask task, LoraWeights? lora, CancellationToken cancellationToken)
    {
        var own = Cell(task.Metric);
        var likelihood = settings.LabelLikelihood && task.Labels.Count > 0 ? Cell(TaskMetric.LabelLikelihood) : null;
        meter.Add(ScoringUnits(task));
        return new Scored(own, likelihood);

        MatrixCell Cell(TaskMetric metric)
        {
            var score = TaskEvaluator.Evaluate(decoder, tokenizer, lora, task.Scored, metric, task.Labels, new EvaluationOptions(), null, cancellationToken);
            var (value, low, high) = score.ForMatrix();
            return new MatrixCell(0, 0, value, score.Count, low, high, metric.WireName());
        }
    }

    // A training token costs about three forward passes (forward, backward to the activations, and the adapters' own).
    private double TrainUnits(BenchTask task) => 3.0 * settings.Training.Epochs * task.TrainTokens;

    // Generation adds a few single-token passes to the prompt; scoring labels repeats the prompt for each.
    internal double ScoringUnits(BenchTask task) => task.ScoredTokens * (settings.LabelLikelihood ? 2.5 : 1.5);

    /// <summary>A task's score, by its own metric and, where asked for, by label likelihood.</summary>
    public sealed record Scored(MatrixCell Cell, MatrixCell? Likelihood)
    {
        internal Scored In(int task, int version) => new(Cell with { Task = task, Version = version }, Likelihood is null ? null : Likelihood with { Task = task, Version = version });
    }

    private sealed record Taught(AdapterState State, IReadOnlyList<Scored> Cells, LearnedTaskResult Result);

    /// <summary>Times the phases, and tells what share of the steps has gone by since it was last told.</summary>
    private sealed class PhaseWatch(Action<double> passed) : IProgress<LearningProgress>
    {
        private readonly Stopwatch _clock = Stopwatch.StartNew();
        private readonly Dictionary<LearningPhase, double> _seconds = [];
        private (LearningPhase Phase, double Since) _now = (LearningPhase.Preparing, 0);

        public double SecondsOf(LearningPhase phase) => _seconds.GetValueOrDefault(phase);

        public void Report(LearningProgress value)
        {
            var time = _clock.Elapsed.TotalSeconds;
            _seconds[_now.Phase] = SecondsOf(_now.Phase) + time - _now.Since;
            _now = (value.Phase, time);
            if (value.Step is { } step) passed(1.0 / step.TotalSteps);
        }
    }
}
