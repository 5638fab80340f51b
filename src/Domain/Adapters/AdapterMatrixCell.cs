using ContinualService.Domain.Evaluation;

namespace ContinualService.Domain.Adapters;

/// <summary>A stored cell of an adapter's accuracy matrix: the score of one task's held-out rows under one version of the adapter.</summary>
public sealed class AdapterMatrixCell
{
    public required string AdapterId { get; init; }

    /// <summary>0 is the base model.</summary>
    public int VersionNumber { get; init; }

    /// <summary>The task whose rows were scored.</summary>
    public required string TaskId { get; init; }

    /// <summary>In the metric's own direction: a loss is stored as measured.</summary>
    public double Score { get; init; }

    /// <summary>Rows scored.</summary>
    public int Count { get; init; }

    /// <summary>Lower end of the 95 % confidence interval.</summary>
    public double Low { get; init; }

    /// <summary>Upper end of the 95 % confidence interval.</summary>
    public double High { get; init; }

    /// <summary>
    /// The best earlier score of the task minus this one, where higher is better: what was forgotten since; below 0 it got better. Null before there is an earlier
    /// one; the base's is none.
    /// </summary>
    public double? Forgetting { get; set; }

    /// <summary>Wire name of the metric: exact_match, label_likelihood, rouge_l, loss.</summary>
    public required string Metric { get; init; }

    /// <summary>The cell as the formulas take it, where higher is better: a loss turns its sign and its interval.</summary>
    /// <param name="task">i, the task's place in the lineage, 1-based.</param>
    /// <param name="version">t, the version's place in the lineage; 0 is the base.</param>
    public MatrixCell At(int task, int version) => Metric == "loss"
        ? new MatrixCell(task, version, -Score, Count, -High, -Low, Metric)
        : new MatrixCell(task, version, Score, Count, Low, High, Metric);
}
