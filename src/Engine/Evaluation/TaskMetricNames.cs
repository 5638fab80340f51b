namespace ContinualService.Engine.Evaluation;

/// <summary>The wire names of <see cref="TaskMetric"/>.</summary>
public static class TaskMetricNames
{
    /// <summary>The name clients see.</summary>
    public static string WireName(this TaskMetric metric) => metric switch
    {
        TaskMetric.ExactMatch => "exact_match",
        TaskMetric.LabelLikelihood => "label_likelihood",
        TaskMetric.RougeL => "rouge_l",
        TaskMetric.Loss => "loss",
        _ => throw new ArgumentOutOfRangeException(nameof(metric), metric, "No such metric."),
    };

    /// <summary>The metric of a wire name; null where there is none of that name.</summary>
    public static TaskMetric? Parse(string wireName) =>
        Enum.GetValues<TaskMetric>().Where(metric => metric.WireName() == wireName).Select(metric => (TaskMetric?)metric).FirstOrDefault();
}
