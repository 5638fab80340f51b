using System.Globalization;
using System.Text;
using ContinualService.Domain.Evaluation;
using ContinualService.Engine.Models;

namespace ContinualService.Bench.Continual;

/// <summary>The benchmark's outcome as Markdown: settings, table of methods, paired difference, regime, and every matrix.</summary>
public static class ContinualReport
{
    private static readonly (string Name, Func<RunResult, double?> Of)[] Columns =
    [
        ("AA", run => run.Summary.AverageAccuracy),
        ("BWT", run => run.Summary.BackwardTransfer),
        ("forgetting", run => run.Summary.Forgetting),
        ("FWT", run => run.Summary.ForwardTransfer),
        ("learning accuracy", run => run.Summary.LearningAccuracy),
        ("norm of dW", run => run.DeltaNorm),
    ];

    public static string Markdown(string order, ContinualSettings settings, string digest, IReadOnlyList<BenchTask> tasks, IReadOnlyList<RunResult> runs)
    {
        var text = new StringBuilder();
        Settings(text, order, settings, digest, tasks, runs);
        foreach (var rate in runs.GroupBy(run => run.LearningRate)) Means(text, rate.Key, settings, [.. rate]);
        if (runs.Any(run => run.LikelihoodSummary is not null)) Likelihood(text, runs);
        if (settings.SweptLearningRates.Count > 0) Regime(text, runs);
        text.Append("## Matrices\n\nRow: score after learning that task (first row: the base model). Column: the task scored.\n\n");
        foreach (var run in runs) Matrix(text, run);
        text.Append("## Formulas\n\n");
        foreach (var (name, formula) in ContinualMetrics.Formulas) text.Append(Invariant($"* {name}: {formula}\n"));
        return text.ToString();
    }

    private static void Settings(StringBuilder text, string order, ContinualSettings settings, string digest, IReadOnlyList<BenchTask> tasks, IReadOnlyList<RunResult> runs)
    {
        var (training, lora) = (settings.Training, settings.Lora);
        var learned = runs.SelectMany(run => run.Learned).ToList();
        text.Append(Invariant($"# Continual learning, {order}: {string.Join(" -> ", tasks.Select(task => task.Name))}\n\n"));
        text.Append(Invariant($"Base {Path.GetFileName(Path.TrimEndingDirectorySeparator(settings.ModelFolder))} ({digest[..12]}), scored on {settings.Split} rows{(settings.Base == BaseHolding.Resident ? "" : $", held as {settings.Base.Write()} to train on")}. "));
        text.Append(Invariant($"LoRA rank {lora.Rank}, alpha {lora.Alpha}, {string.Join(", ", lora.TargetModules)}. "));
        text.Append(Invariant($"Rate {string.Join(", ", runs.Select(run => run.LearningRate).Distinct())}, {training.Epochs} epochs, batch {training.BatchSize}, {training.Schedule} schedule, "));
        text.Append(Invariant($"warm-up {training.WarmupFraction}, weight decay {training.WeightDecay}, clip {training.MaxGradNorm}, dropout {training.Dropout}, "));
        text.Append(Invariant($"{settings.MaxSequenceLength} tokens, seeds {string.Join(", ", settings.Seeds)}, {settings.Threads} thread(s) a run. "));
        text.Append("The same settings for every method; the first task of a seed is the same computation for methods that begin with plain tuning and keep its result alone, and is done once.\n\n");
        text.Append("| task | metric | training rows | scored rows | inputs cut to fit |\n|---|---|---|---|---|\n");
        foreach (var task in tasks) text.Append(Invariant($"| {task.Name} | {Engine.Evaluation.TaskMetricNames.WireName(task.Metric)} | {task.Train.Count} | {task.Scored.Count} | {task.CutRows} |\n"));
        text.Append(Invariant($"\nTraining speed {learned.Sum(task => task.Tokens) / learned.Sum(task => task.Seconds):F0} tokens/s a run, while {settings.Parallel} runs shared the machine."));
        var shares = ScoringShares([.. tasks.Select(task => task.Scored.Count)], runs);
        if (shares.Count > 0)
        {
            text.Append(" Scoring the matrix row of task T, its own rows and those of every task before it, took in percent of that task's training: ");
            text.Append(string.Join(", ", shares.Select((share, index) => Invariant($"{100 * share:F1} (T = {index + 1})")))).Append('.');
        }

        text.Append("\n\n");
    }

    /// <summary>By task, from the first: the seconds that its row of the matrix takes, for each second of its training; means over the runs that trained. Empty where none did.</summary>
    /// <param name="scoredRows">Of each task.</param>
    /// <param name="runs">Each scores the rows of all tasks after every one; those not learned yet are no part of a service's row.</param>
    public static IReadOnlyList<double> ScoringShares(IReadOnlyList<int> scoredRows, IReadOnlyList<RunResult> runs)
    {
        var trained = runs.Where(run => run.Learned.All(task => task.Seconds > 0)).ToList();
        if (trained.Count == 0) return [];
        return [.. scoredRows.Select((_, index) => trained.Average(run => run.Learned[index].EvaluationSeconds / run.Learned[index].Seconds) * scoredRows.Take(index + 1).Sum() / scoredRows.Sum())];
    }

    private static void Means(StringBuilder text, double rate, ContinualSettings settings, IReadOnlyList<RunResult> runs)
    {
        text.Append(Invariant($"## Learning rate {rate:G3}: mean and sample standard deviation over seeds\n\n| method | {string.Join(" | ", Columns.Select(column => column.Name))} |\n|---|{string.Concat(Columns.Select(_ => "---|"))}\n"));
        foreach (var method in runs.GroupBy(run => run.Method))
        {
            text.Append(Invariant($"| {method.Key} | {string.Join(" | ", Columns.Select(column => MeanAndSpread([.. method.Select(column.Of)])))} |\n"));
        }

        if (settings.Methods.Count >= 2)
        {
            var (first, second) = (settings.Methods[0], settings.Methods[1]);
            var pairs = settings.Seeds.Select(seed => (First: Find(first, seed), Second: Find(second, seed))).ToList();
            text.Append(Invariant($"| {first} - {second}, paired by seed | {string.Join(" | ", Columns.Select(column => MeanAndSpread([.. pairs.Select(pair => column.Of(pair.First) - column.Of(pair.Second))])))} |\n"));
            foreach (var (name, of) in Columns.Take(2))
            {
                var wins = pairs.Count(pair => of(pair.First) > of(pair.Second));
                text.Append(Invariant($"\n{name}: {first} is better for {wins} of {pairs.Count} seeds ({string.Join(", ", pairs.Select(pair => Number(of(pair.First) - of(pair.Second))))}).\n"));
            }
        }

        text.Append('\n');
        RunResult Find(string method, long seed) => runs.First(run => run.Method == method && run.Seed == seed);
    }

    private static void Likelihood(StringBuilder text, IReadOnlyList<RunResult> runs)
    {
        text.Append("## By label likelihood (the answer among the task's labels with the highest length-normalised probability)\n\n| rate | method | AA | BWT | learning accuracy |\n|---|---|---|---|---|\n");
        foreach (var group in runs.Where(run => run.LikelihoodSummary is not null).GroupBy(run => (run.LearningRate, run.Method)))
        {
            text.Append(Invariant($"| {group.Key.LearningRate:G3} | {group.Key.Method} | {MeanAndSpread([.. group.Select(run => run.LikelihoodSummary!.AverageAccuracy)])} | "))
                .Append(Invariant($"{MeanAndSpread([.. group.Select(run => run.LikelihoodSummary!.BackwardTransfer)])} | {MeanAndSpread([.. group.Select(run => run.LikelihoodSummary!.LearningAccuracy)])} |\n"));
        }

        text.Append('\n');
    }

    private static void Regime(StringBuilder text, IReadOnlyList<RunResult> runs)
    {
        text.Append("## The regime: means over seeds by learning rate\n\n| rate | method | AA | BWT | learning accuracy | norm of dW |\n|---|---|---|---|---|---|\n");
        foreach (var group in runs.GroupBy(run => (run.LearningRate, run.Method)).OrderBy(group => group.Key.LearningRate))
        {
            text.Append(Invariant($"| {group.Key.LearningRate:G3} | {group.Key.Method} | {Number(group.Average(run => run.Summary.AverageAccuracy))} | {Number(group.Average(run => run.Summary.BackwardTransfer))} | "))
                .Append(Invariant($"{Number(group.Average(run => run.Summary.LearningAccuracy))} | {Number(group.Average(run => run.DeltaNorm))} |\n"));
        }

        text.Append('\n');
    }

    private static void Matrix(StringBuilder text, RunResult run)
    {
        var matrix = run.Matrix;
        text.Append(Invariant($"### {run.Method}, seed {run.Seed}, rate {run.LearningRate:G3}: AA {Number(run.Summary.AverageAccuracy)}, BWT {Number(run.Summary.BackwardTransfer)}\n\n"));
        text.Append(Invariant($"| after | {string.Join(" | ", matrix.Tasks)} | lambda | norm of dW |\n|---|{string.Concat(matrix.Tasks.Select(_ => "---|"))}---|---|\n"));
        for (var version = 0; version <= matrix.TaskCount; version++)
        {
            var scores = Enumerable.Range(1, matrix.TaskCount).Select(task => Number(matrix.Score(task, version)));
            text.Append(version == 0
                ? Invariant($"| base | {string.Join(" | ", scores)} | | |\n")
                : Invariant($"| {matrix.Tasks[version - 1]} | {string.Join(" | ", scores)} | {Number(run.Learned[version - 1].Lambda)} | {Number(run.Learned[version - 1].DeltaNorm)} |\n"));
        }

        text.Append('\n');
    }

    private static string MeanAndSpread(IReadOnlyList<double?> values) => Spread.Of(values)?.ToString() ?? "-";

    private static string Number(double? value) => value is null ? "-" : value.Value.ToString("F4", CultureInfo.InvariantCulture);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
