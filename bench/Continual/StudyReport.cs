using System.Globalization;
using System.Text;
using ContinualService.Domain.Evaluation;

namespace ContinualService.Bench.Continual;

/// <summary>A study as Markdown: settings, a table of methods, differences with intervals, cost, and the means of every order.</summary>
public static class StudyReport
{
    public static string Markdown(ContinualStudy study, string digest)
    {
        var (settings, training, lora) = (study.Settings, study.Settings.Training, study.Settings.Lora);
        var text = new StringBuilder();
        Line(text, $"# Continual learning: {study.Orders.Count} orders, {settings.Methods.Count} methods, {settings.Seeds.Count} seed(s)\n");
        Line(text, $"Base {Path.GetFileName(Path.TrimEndingDirectorySeparator(settings.ModelFolder))} ({digest[..12]}), the first {settings.Rows} training rows and {settings.EvaluationRows} {settings.Split} rows of a task. LoRA rank {lora.Rank}, alpha {lora.Alpha}, {string.Join(", ", lora.TargetModules)}. "
            + $"{training.Epochs} epochs, batch {training.BatchSize}, {training.Schedule} schedule, warm-up {training.WarmupFraction}, {settings.MaxSequenceLength} tokens, seeds {string.Join(", ", settings.Seeds)}.\n");
        foreach (var order in study.Orders) Line(text, $"* {order}: {string.Join(" -> ", study.Runs.First(run => run.Order == order).Tasks)}");

        Line(text, $"\n## Mean and sample standard deviation over orders and seeds\n\n| method | rate | runs | AA | BWT | forgetting | FWT | learning accuracy | norm of dW | MOPD | AOPD |\n|---|---|---|---|---|---|---|---|---|---|---|");
        foreach (var method in study.Methods)
        {
            Line(text, $"| {method.Method} | {method.LearningRate:G3} | {method.Runs} | {Cell(method.AverageAccuracy)} | {Cell(method.BackwardTransfer)} | {Cell(method.Forgetting)} | {Cell(method.ForwardTransfer)} | {Cell(method.LearningAccuracy)} | {Cell(method.DeltaNorm)} | "
                + $"{Number(method.LargestOrderDisparity)} | {Number(method.MeanOrderDisparity)} |");
        }

        Line(text, $"\n## Against {settings.Against}, on the same order and seed\n\nThe interval is the 95 % percentile interval of a paired bootstrap over the pairs of runs ({PairedResamples} resamples).\n\n| method | rate | metric | mean difference | 95 % interval | better in | {string.Join(" | ", study.Orders)} |\n|---|---|---|---|---|---|{string.Concat(study.Orders.Select(_ => "---|"))}");
        foreach (var difference in study.Differences)
        {
            Line(text, $"| {difference.Method} | {difference.LearningRate:G3} | {difference.Metric} | {difference.Mean:+0.0000;-0.0000} | {difference.Low:+0.0000;-0.0000} to {difference.High:+0.0000;-0.0000} | {difference.Wins} of {difference.Pairs} | "
                + string.Join(" | ", study.Orders.Select(order => difference.PerOrder[order].ToString("+0.0000;-0.0000", CultureInfo.InvariantCulture))) + " |");
        }

        Line(text, $"\n## Cost\n\nTime with {settings.Parallel} run(s) sharing the machine.\n\n| method | kept after task 1, bytes | after the last | seconds a task | of that merging |\n|---|---|---|---|---|");
        foreach (var method in study.Methods) Line(text, $"| {method.Method} | {method.FirstStateBytes} | {method.LastStateBytes} | {Seconds(method.TaskSeconds)} | {Seconds(method.MergingSeconds)} |");

        Line(text, $"\n## AA and BWT by order, mean over seeds\n\n| method | rate | {string.Join(" | ", study.Orders)} |\n|---|---|{string.Concat(study.Orders.Select(_ => "---|"))}");
        foreach (var method in study.Methods) Line(text, $"| {method.Method} | {method.LearningRate:G3} | {string.Join(" | ", study.Orders.Select(order => OfOrder(study, method, order)))} |");

        Line(text, $"\n## Formulas\n");
        foreach (var (name, formula) in ContinualMetrics.Formulas) Line(text, $"* {name}: {formula}");
        return text.ToString();
    }

    private static int PairedResamples => PairedBootstrap.Resamples;

    private static string OfOrder(ContinualStudy study, StudiedMethod method, string order)
    {
        var runs = study.Runs.Where(run => run.Order == order && run.Method == method.Method && run.LearningRate == method.LearningRate).ToList();
        return $"{Number(runs.Average(run => run.Summary.AverageAccuracy))} / {Number(runs.Average(run => run.Summary.BackwardTransfer))}";
    }

    private static string Cell(Spread? spread) => spread?.ToString() ?? "-";

    private static string Number(double? value) => value?.ToString("F4", CultureInfo.InvariantCulture) ?? "-";

    private static string Seconds(double? value) => value?.ToString("G3", CultureInfo.InvariantCulture) ?? "-";

    private static void Line(StringBuilder text, FormattableString line) => text.Append(FormattableString.Invariant(line)).Append('\n');

    private static void Line(StringBuilder text, string line) => text.Append(line).Append('\n');
}
