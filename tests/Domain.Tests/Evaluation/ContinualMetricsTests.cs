using ContinualService.Domain.Evaluation;
using Xunit;

namespace ContinualService.Domain.Tests.Evaluation;

public sealed class ContinualMetricsTests
{
    // Rows are tasks 1..3, columns versions 0..3.
    private static readonly double?[][] Full =
    [
        [0.10, 0.90, 0.70, 0.60],
        [0.20, 0.30, 0.80, 0.85],
        [0.05, 0.15, 0.25, 0.70],
    ];

    [Fact]
    public void Metrics_ThreeTasks_EqualHandComputedNumbers()
    {
        var matrix = Matrix(Full);
        Equal((0.60 + 0.85 + 0.70) / 3, ContinualMetrics.AverageAccuracy(matrix));
        Equal((-0.30 + 0.05) / 2, ContinualMetrics.BackwardTransfer(matrix));
        Equal((0.30 - 0.05) / 2, ContinualMetrics.Forgetting(matrix)); // .90 - .60, .80 - .85
        Equal((0.10 + 0.20) / 2, ContinualMetrics.ForwardTransfer(matrix)); // a[2,1] - a[2,0], a[3,2] - a[3,0]
        Equal(0.80, ContinualMetrics.LearningAccuracy(matrix));
        Equal((0.05 + 0.0 + 0.1) / 3, ContinualMetrics.Intransigence(matrix, [0.95, 0.80, 0.80]));
    }

    [Fact]
    public void Forgetting_BestBeforeItsOwnTraining_CountsFromVersionOne()
    {
        // Task 2 was best at version 1, before it was trained; the base model's .99 does not count.
        Equal((0.0 + 0.4) / 2, ContinualMetrics.Forgetting(Matrix([[0.1, 0.5, 0.5, 0.5], [0.99, 0.9, 0.6, 0.5], [0, 0, 0, 0]])));
    }

    [Fact]
    public void Forgetting_OfACell_IsTheDropFromTheBestEarlierVersion()
    {
        var matrix = Matrix(Full);
        Equal(0.90 - 0.70, ContinualMetrics.Forgetting(matrix, 1, 2));
        Equal(0.90 - 0.60, ContinualMetrics.Forgetting(matrix, 1, 3));
        Equal(0.30 - 0.80, ContinualMetrics.Forgetting(matrix, 2, 2)); // Learning it made it better.
        Assert.Null(ContinualMetrics.Forgetting(matrix, 1, 0));
        Assert.Null(ContinualMetrics.Forgetting(matrix, 1, 1)); // The base model's score is none.
    }

    [Fact]
    public void Metrics_OneTask_HaveNoTransfer()
    {
        var summary = MatrixSummary.Of(Matrix([[0.1, 0.6]]));
        Assert.Equal(new MatrixSummary(0.6, null, null, null, 0.6), summary);
    }

    [Fact]
    public void Metrics_NoTask_AreUndefined() => Assert.Equal(new MatrixSummary(null, null, null, null, null), MatrixSummary.Of(Matrix([])));

    [Fact]
    public void Metrics_MissingCell_OnlyWhatNeedsItIsUndefined()
    {
        var cells = Full.Select(row => row.ToArray()).ToArray();
        cells[1][0] = null; // the base model was not scored on task 2
        cells[1][1] = null;
        var summary = MatrixSummary.Of(Matrix(cells));
        Assert.Null(summary.ForwardTransfer);
        Assert.NotNull(summary.Forgetting);
        Assert.NotNull(summary.AverageAccuracy);

        cells[0][2] = null; // a version between: the best score is unknown
        Assert.Null(ContinualMetrics.Forgetting(Matrix(cells)));
        Assert.NotNull(ContinualMetrics.BackwardTransfer(Matrix(cells)));
    }

    [Fact]
    public void Intransigence_WrongCountOfReferences_Throws() =>
        Assert.Throws<ArgumentException>(() => ContinualMetrics.Intransigence(Matrix(Full), [0.5]));

    [Fact]
    public void UpTo_TwoTasks_IsTheMatrixAfterTask2() => Equal((0.70 + 0.80) / 2, ContinualMetrics.AverageAccuracy(Matrix(Full).UpTo(2)));

    [Fact]
    public void OrderDisparity_TwoOrders_IsTheSpreadPerTask()
    {
        var first = Matrix([[0, 0.9, 0.6], [0, 0, 0.8]], ["a", "b"]);
        var second = Matrix([[0, 0.9, 0.7], [0, 0, 0.9]], ["b", "a"]);
        var disparity = OrderDisparity.Of([first, second])!; // a: .6 and .9, b: .8 and .7
        Equal(0.3, disparity.Largest);
        Equal(0.2, disparity.Mean);
        Equal(0.1, disparity.PerTask["b"]);
        Assert.Null(OrderDisparity.Of([first]));
        Assert.Throws<ArgumentException>(() => OrderDisparity.Of([first, Matrix([[0, 1, 1], [0, 1, 1]], ["a", "c"])]));
    }

    [Fact]
    public void Formulas_EveryNamedMetric_HasItsText()
    {
        foreach (var name in typeof(ContinualMetrics).GetFields().Where(field => field.IsLiteral))
            Assert.NotEmpty(ContinualMetrics.Formulas[(string)name.GetRawConstantValue()!]);
    }

    [Theory]
    [InlineData(0, 0, 0.5)]
    [InlineData(3, 0, 0.5)]
    [InlineData(1, 3, 0.5)]
    [InlineData(1, -1, 0.5)]
    [InlineData(1, 1, double.NaN)]
    public void Matrix_ImpossibleCell_Throws(int task, int version, double score) =>
        Assert.Throws<ArgumentException>(() => new AccuracyMatrix(["a", "b"], [Cell(task, version, score)]));

    [Fact]
    public void Matrix_CellGivenTwice_Throws() =>
        Assert.Throws<ArgumentException>(() => new AccuracyMatrix(["a"], [Cell(1, 1, 0.5), Cell(1, 1, 0.5)]));

    private static AccuracyMatrix Matrix(double?[][] rows, string[]? names = null) => new(
        names ?? [.. rows.Select((_, index) => $"task {index + 1}")],
        rows.SelectMany((row, task) => row.Select((score, version) => (task, version, score)))
            .Where(cell => cell.score is not null)
            .Select(cell => Cell(cell.task + 1, cell.version, cell.score!.Value)));

    private static MatrixCell Cell(int task, int version, double score) => new(task, version, score, 100, score, score, "exact_match");

    private static void Equal(double expected, double? actual) => Assert.Equal(expected, actual!.Value, 12);
}
