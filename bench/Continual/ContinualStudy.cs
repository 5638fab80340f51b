using ContinualService.Domain.Evaluation;

namespace ContinualService.Bench.Continual;

/// <summary>Several orders of tasks, several methods, several seeds: each method's figures over all of them, and its differences to one method on the same order and seed.</summary>
public sealed class ContinualStudy
{
    private static readonly (string Name, Func<RunResult, double?> Of)[] Compared = [("AA", run => run.Summary.AverageAccuracy), ("BWT", run => run.Summary.BackwardTransfer)];

    /// <param name="settings">What was run.</param>
    /// <param name="runs">Every order with every method and seed.</param>
    public ContinualStudy(ContinualSettings settings, IReadOnlyList<RunResult> runs)
    {
        (Settings, Runs) = (settings, runs);
        Orders = [.. runs.Select(run => run.Order).Distinct()];
        Methods = [.. from run in runs group run by (run.Method, run.LearningRate) into own select Of(own.Key.Method, own.Key.LearningRate, [.. own])];
        Differences = [.. from method in Methods
                          where method.Method != settings.Against && settings.Against != Bounds.Base
                          from compared in Compared
                          select Difference(method, compared.Name, compared.Of)];
    }

    public ContinualSettings Settings { get; }

    public IReadOnlyList<RunResult> Runs { get; }

    /// <summary>In the order run.</summary>
    public IReadOnlyList<string> Orders { get; }

    public IReadOnlyList<StudiedMethod> Methods { get; }

    public IReadOnlyList<StudiedDifference> Differences { get; }

    /// <summary>Orders of the same tasks, several of them: what OPD is defined over.</summary>
    private static IReadOnlyList<OrderDisparity> Disparities(IReadOnlyList<RunResult> runs) =>
    [
        .. from run in runs
           group run by (run.Seed, Tasks: string.Join(' ', run.Tasks.Order(StringComparer.Ordinal))) into same
           let disparity = OrderDisparity.Of([.. same.Select(run => run.Matrix)])
           where disparity is not null
           select disparity,
    ];

    private static StudiedMethod Of(string method, double rate, IReadOnlyList<RunResult> runs)
    {
        var disparities = Disparities(runs);
        var learned = runs.SelectMany(run => run.Learned.Select((task, index) => (Task: task, Index: index))).Where(each => each.Task is { Shared: false, Steps: > 0 }).ToList();
        return new StudiedMethod(
            method, rate, runs.Count,
            Figure(run => run.Summary.AverageAccuracy), Figure(run => run.Summary.BackwardTransfer), Figure(run => run.Summary.Forgetting), Figure(run => run.Summary.ForwardTransfer),
            Figure(run => run.Summary.LearningAccuracy), Figure(run => run.DeltaNorm),
            disparities.Count == 0 ? null : disparities.Average(each => each.Largest), disparities.Count == 0 ? null : disparities.Average(each => each.Mean),
            runs.Max(run => run.Learned[0].StateBytes), runs.Max(run => run.Learned[^1].StateBytes),
            learned.Count == 0 ? null : learned.Average(each => each.Task.PreparingSeconds + each.Task.Seconds + each.Task.MergingSeconds),
            learned.Count == 0 ? null : learned.Average(each => each.Task.MergingSeconds));

        Spread? Figure(Func<RunResult, double?> of) => Spread.Of([.. runs.Select(of)]);
    }

    private StudiedDifference Difference(StudiedMethod method, string metric, Func<RunResult, double?> of)
    {
        var pairs = from run in Runs
                    where run.Method == method.Method && run.LearningRate == method.LearningRate
                    let other = Runs.First(each => each.Method == Settings.Against && each.Order == run.Order && each.Seed == run.Seed && each.LearningRate == run.LearningRate)
                    select (run.Order, Difference: of(run)!.Value - of(other)!.Value);
        var all = pairs.ToList();
        double[] differences = [.. all.Select(pair => pair.Difference)];
        var (low, high) = PairedBootstrap.Interval(PairedBootstrap.Draw(differences, null, 1), 0.95);
        var perOrder = all.GroupBy(pair => pair.Order).ToDictionary(group => group.Key, group => group.Average(pair => pair.Difference));
        return new StudiedDifference(method.Method, method.LearningRate, Settings.Against, metric, differences.Average(), low, high, differences.Length, differences.Count(each => each > 0), perOrder);
    }
}
