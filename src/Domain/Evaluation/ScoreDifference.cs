namespace ContinualService.Domain.Evaluation;

/// <summary>
/// How two scores of the same rows differ, d = s2 - s1. The 95 % interval joins those of the scores as if they were independent:
/// low = d - sqrt((s2 - low2)^2 + (high1 - s1)^2), high = d + sqrt((high2 - s2)^2 + (s1 - low1)^2). The rows are the same, or one's are among the other's, so it is rather too wide.
/// </summary>
public sealed record ScoreDifference(double Value, double Low, double High)
{
    public static ScoreDifference Of(MatrixCell first, MatrixCell second)
    {
        var difference = second.Score - first.Score;
        return new ScoreDifference(
            difference,
            difference - Math.Sqrt(Math.Pow(second.Score - second.Low, 2) + Math.Pow(first.High - first.Score, 2)),
            difference + Math.Sqrt(Math.Pow(second.High - second.Score, 2) + Math.Pow(first.Score - first.Low, 2)));
    }
}
