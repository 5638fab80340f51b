using ContinualService.Engine.Data;

namespace ContinualService.Engine.Evaluation;

/// <summary>Which metric suits a task, and which labels it has, from its training rows.</summary>
public static class MetricChoice
{
    private const int MostLabels = 100;
    private const int LongestLabel = 64;

    /// <summary>
    /// Few distinct short answers, each about twice or more: exact match. Other answers: Rouge-L. Raw text, tool calls without text and
    /// answers without a question: loss.
    /// </summary>
    public static TaskMetric Choose(IReadOnlyList<TaskExample> trainingRows)
    {
        if (trainingRows.Count == 0 || trainingRows.Any(row => row.Target is null || row.TrainOnMessage.Count < 2)) return TaskMetric.Loss;
        var labels = Labels(trainingRows);
        var few = labels.Count <= MostLabels && labels.Count * 2 <= trainingRows.Count;
        return few && labels.All(label => label.Length <= LongestLabel) ? TaskMetric.ExactMatch : TaskMetric.RougeL;
    }

    /// <summary>The distinct answers of a task's training rows, in order of first appearance: the labels of <see cref="TaskMetric.LabelLikelihood"/>.</summary>
    public static IReadOnlyList<string> Labels(IEnumerable<TaskExample> trainingRows) =>
        [.. trainingRows.Select(row => row.Target).OfType<string>().Distinct()];
}
