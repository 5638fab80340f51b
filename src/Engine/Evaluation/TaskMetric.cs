namespace ContinualService.Engine.Evaluation;

/// <summary>How a task's held-out rows are scored.</summary>
public enum TaskMetric
{
    /// <summary>Share of generated answers equal to a gold answer after normalising. Wire name <c>exact_match</c>.</summary>
    ExactMatch,

    /// <summary>Share of rows whose likeliest label is a gold answer. Wire name <c>label_likelihood</c>.</summary>
    LabelLikelihood,

    /// <summary>Mean Rouge-L F1 of generated answers. Wire name <c>rouge_l</c>.</summary>
    RougeL,

    /// <summary>Mean negative log-likelihood per trained token, in nats; lower is better. Wire name <c>loss</c>.</summary>
    Loss,
}
