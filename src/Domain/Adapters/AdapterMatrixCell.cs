namespace ContinualService.Domain.Adapters;

/// <summary>A stored cell of an adapter's accuracy matrix: the score of one task's held-out rows under one version of the adapter.</summary>
public sealed class AdapterMatrixCell
{
    public required string AdapterId { get; init; }

    /// <summary>0 is the base model.</summary>
    public int VersionNumber { get; init; }

    /// <summary>The task whose rows were scored.</summary>
    public required string TaskId { get; init; }

    public double Score { get; init; }

    /// <summary>Rows scored.</summary>
    public int Count { get; init; }

    /// <summary>Lower end of the 95 % confidence interval.</summary>
    public double Low { get; init; }

    /// <summary>Upper end of the 95 % confidence interval.</summary>
    public double High { get; init; }

    /// <summary>Wire name of the metric: exact_match, label_likelihood, rouge_l, loss.</summary>
    public required string Metric { get; init; }
}
