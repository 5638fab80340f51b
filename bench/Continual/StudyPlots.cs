using OxyPlot;
using OxyPlot.Annotations;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace ContinualService.Bench.Continual;

/// <summary>A study as SVG plots.</summary>
public static class StudyPlots
{
    // Okabe and Ito's colours, told apart by every kind of eye.
    private static readonly string[] Colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D1F", "#7A7A7A"];

    // The exporter measures text by no font that a viewer has: room is left by the letter.
    private const double LetterWidth = 7;

    /// <summary>Name and SVG of each plot.</summary>
    public static IEnumerable<(string Name, string Svg)> Draw(ContinualStudy study)
    {
        yield return ("aa-bwt", Svg(AccuracyAndTransfer(study)));
        yield return ("differences", Svg(Differences(study)));
        yield return ("progress", Svg(Progress(study)));
    }

    /// <summary>Every run as a point, every method's mean as a large one.</summary>
    private static PlotModel AccuracyAndTransfer(ContinualStudy study)
    {
        var plot = Plot("Average accuracy and backward transfer, a point a run", "BWT", "AA");
        foreach (var (method, index) in study.Methods.Select((method, index) => (method, index)))
        {
            var points = RunsOf(study, method).Where(run => run.Summary.BackwardTransfer is not null).Select(run => (X: run.Summary.BackwardTransfer!.Value, Y: run.Summary.AverageAccuracy!.Value)).ToList();
            if (points.Count == 0) continue;
            var cloud = new ScatterSeries { MarkerType = MarkerType.Circle, MarkerSize = 3, MarkerFill = OxyColor.FromAColor(110, Colour(index)) };
            cloud.Points.AddRange(points.Select(point => new ScatterPoint(point.X, point.Y)));
            var mean = new ScatterSeries { Title = method.Method, MarkerType = MarkerType.Diamond, MarkerSize = 8, MarkerFill = Colour(index) };
            mean.Points.Add(new ScatterPoint(points.Average(point => point.X), points.Average(point => point.Y)));
            plot.Series.Add(cloud);
            plot.Series.Add(mean);
        }

        return plot;
    }

    /// <summary>Each method's mean difference with its interval.</summary>
    private static PlotModel Differences(ContinualStudy study)
    {
        var plot = Plot($"Difference to {study.Settings.Against}, 95 % interval of the paired bootstrap", "difference", null);
        var rows = study.Differences.Reverse().ToList();
        var axis = new CategoryAxis { Position = AxisPosition.Left, GapWidth = 1, IsTickCentered = true };
        axis.Labels.AddRange(rows.Select(row => $"{row.Method}: {row.Metric}"));
        plot.PlotMargins = new OxyThickness(axis.Labels.Max(label => label.Length) * LetterWidth + 24, double.NaN, double.NaN, double.NaN);
        plot.Axes.Add(axis);
        plot.Annotations.Add(new LineAnnotation { Type = LineAnnotationType.Vertical, X = 0, Color = OxyColors.Gray, LineStyle = LineStyle.Dash });
        foreach (var (row, index) in rows.Select((row, index) => (row, index)))
        {
            var colour = Colour(row.Metric == "AA" ? 0 : 1);
            var interval = new LineSeries { Color = colour, StrokeThickness = 2.5 };
            interval.Points.AddRange([new DataPoint(row.Low, index), new DataPoint(row.High, index)]);
            var mean = new ScatterSeries { MarkerType = MarkerType.Circle, MarkerSize = 5, MarkerFill = colour };
            mean.Points.Add(new ScatterPoint(row.Mean, index));
            plot.Series.Add(interval);
            plot.Series.Add(mean);
        }

        return plot;
    }

    /// <summary>Mean score of the tasks learned so far, after each task.</summary>
    private static PlotModel Progress(ContinualStudy study)
    {
        var plot = Plot("Mean score of the tasks learned so far, mean over orders and seeds", "tasks learned", "mean score", wholeNumbers: true);
        foreach (var (method, index) in study.Methods.Where(method => !Bounds.Names.Contains(method.Method)).Select((method, index) => (method, index)))
        {
            var runs = RunsOf(study, method);
            var line = new LineSeries { Title = method.Method, Color = Colour(index), StrokeThickness = 2, MarkerType = MarkerType.Circle, MarkerSize = 3, MarkerFill = Colour(index) };
            for (var learned = 1; learned <= runs.Max(run => run.Tasks.Count); learned++)
            {
                var scores = runs.Where(run => run.Tasks.Count >= learned).Select(run => Enumerable.Range(1, learned).Average(task => run.Matrix.Score(task, learned)!.Value)).ToList();
                line.Points.Add(new DataPoint(learned, scores.Average()));
            }

            plot.Series.Add(line);
        }

        return plot;
    }

    private static IReadOnlyList<RunResult> RunsOf(ContinualStudy study, StudiedMethod method) => [.. study.Runs.Where(run => run.Method == method.Method && run.LearningRate == method.LearningRate)];

    private static OxyColor Colour(int index) => OxyColor.Parse(Colours[index % Colours.Length]);

    private static PlotModel Plot(string title, string x, string? y, bool wholeNumbers = false)
    {
        var plot = new PlotModel { Title = title, TitleFontSize = 14, TitleFontWeight = FontWeights.Normal, Background = OxyColors.White, PlotAreaBorderColor = OxyColors.LightGray, Padding = new OxyThickness(12, 8, 48, 12) };
        plot.Axes.Add(new LinearAxis { Position = AxisPosition.Bottom, Title = x, AxisTitleDistance = 12, MajorStep = wholeNumbers ? 1 : double.NaN, MinorTickSize = wholeNumbers ? 0 : 4, MajorGridlineStyle = LineStyle.Solid, MajorGridlineColor = OxyColor.FromRgb(235, 235, 235) });
        if (y is not null) plot.Axes.Add(new LinearAxis { Position = AxisPosition.Left, Title = y, AxisTitleDistance = 14, MajorGridlineStyle = LineStyle.Solid, MajorGridlineColor = OxyColor.FromRgb(235, 235, 235) });
        plot.Legends.Add(new Legend { LegendPlacement = LegendPlacement.Outside, LegendPosition = LegendPosition.RightTop, LegendLineSpacing = 8 });
        return plot;
    }

    private static string Svg(PlotModel plot) => new SvgExporter { Width = 820, Height = 460, UseVerticalTextAlignmentWorkaround = true }.ExportToString(plot);
}
