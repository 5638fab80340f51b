namespace ContinualService.Engine.Evaluation;

/// <summary>The score of one task's held-out rows.</summary>
/// <param name="Score">The metric's value over all rows.</param>
/// <param name="Count">Rows scored.</param>
/// <param name="Low">Lower end of the 95 % interval.</param>
/// <param name="High">Upper end of the 95 % interval.</param>
/// <param name="RowScores">Each row's own value, in the order given.</param>
/// <param name="Metric">What was measured.</param>
public sealed record TaskScore(double Score, int Count, double Low, double High, IReadOnlyList<double> RowScores, TaskMetric Metric)
{
    /// <summary>False for a loss.</summary>
    public bool HigherIsBetter => Metric != TaskMetric.Loss;

    /// <summary>Each row's share in the score; null: all the same.</summary>
    public IReadOnlyList<double>? RowWeights { get; init; }

    /// <summary>What was answered to each row; null for a loss.</summary>
    public IReadOnlyList<string>? RowAnswers { get; init; }

    /// <summary>The rows' scores as an accuracy matrix wants them: a loss is negated.</summary>
    public IReadOnlyList<double> RowsForMatrix() => HigherIsBetter ? RowScores : [.. RowScores.Select(score => -score)];

    /// <summary>Score, low and high as an accuracy matrix wants them (higher is better): a loss is negated, its ends exchanged.</summary>
    public (double Score, double Low, double High) ForMatrix() => HigherIsBetter ? (Score, Low, High) : (-Score, -High, -Low);
}
