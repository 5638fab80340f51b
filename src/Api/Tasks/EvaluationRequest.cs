using System.Text.Json.Nodes;

namespace ContinualService.Api.Tasks;

/// <summary>Held-out rows: at most one of fraction, examples and datasetId.</summary>
public sealed class EvaluationRequest
{
    /// <summary>Share of the training rows to hold out, 0 to 0.5; default 0.1. 0: none, and the task has no scores.</summary>
    public double? Fraction { get; init; }

    /// <summary>Held-out rows inline.</summary>
    public JsonArray? Examples { get; init; }

    /// <summary>Held-out rows in a data set.</summary>
    public string? DatasetId { get; init; }

    /// <summary>exact_match, label_likelihood, rouge_l or loss; absent: what suits the rows.</summary>
    public string? Metric { get; init; }
}
