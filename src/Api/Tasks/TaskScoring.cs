using ContinualService.Api.Datasets;
using ContinualService.Api.Errors;
using ContinualService.Engine.Evaluation;

namespace ContinualService.Api.Tasks;

/// <summary>The metric of a task, with the labels it chooses from.</summary>
internal sealed record TaskScoring(TaskMetric Metric, IReadOnlyList<string>? Labels)
{
    private const int MostLabels = 1000;

    /// <summary>Takes the metric asked for, or what suits the rows, and checks that the held-out rows have what it needs.</summary>
    public static Outcome<TaskScoring> Choose(string? asked, Rows training, Rows? heldOut)
    {
        var metric = (asked is null ? null : TaskMetricNames.Parse(asked)) ?? MetricChoice.Choose(training.Examples);
        if (heldOut is not null && metric != TaskMetric.Loss)
        {
            for (var row = 0; row < heldOut.Examples.Count; row++)
            {
                if (heldOut.Examples[row].Target is not null) continue;
                // Chosen by the service: fall back to what every row can be scored with. Asked for: say which row stands in the way.
                if (asked is null) return new TaskScoring(TaskMetric.Loss, null);
                var line = row < heldOut.Lines.Count ? heldOut.Lines[row] : (int?)null;
                return Problem.Invalid([new FieldError(line, "evaluation.metric", $"A held-out row has no answer to compare with, which {asked} needs.", "Send metric loss, or rows with an answer.")]);
            }
        }

        if (metric != TaskMetric.LabelLikelihood) return new TaskScoring(metric, null);
        var labels = MetricChoice.Labels(training.Examples.Concat(heldOut?.Examples ?? []));
        if (labels.Count is >= 2 and <= MostLabels) return new TaskScoring(metric, labels);
        return Problem.Invalid("evaluation.metric", $"label_likelihood chooses among 2 to {MostLabels} answers, and the rows have {labels.Count}.", "Send exact_match or rouge_l.");
    }
}
