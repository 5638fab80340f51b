namespace ContinualService.Domain.Evaluation;

/// <summary>The headline numbers of a matrix; each is null where <see cref="ContinualMetrics"/> calls it undefined.</summary>
public sealed record MatrixSummary(
    double? AverageAccuracy, double? BackwardTransfer, double? Forgetting, double? ForwardTransfer, double? LearningAccuracy)
{
    /// <summary>Computes every headline number of the matrix.</summary>
    public static MatrixSummary Of(AccuracyMatrix matrix) => new(
        ContinualMetrics.AverageAccuracy(matrix),
        ContinualMetrics.BackwardTransfer(matrix),
        ContinualMetrics.Forgetting(matrix),
        ContinualMetrics.ForwardTransfer(matrix),
        ContinualMetrics.LearningAccuracy(matrix));
}
