using ContinualService.Engine.Data;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Text;

namespace ContinualService.Engine.Evaluation;

/// <summary>Scores one task's held-out rows with a base model and, where given, an adapter.</summary>
public static class TaskEvaluator
{
    /// <summary>The metric that suits a task, from its training rows.</summary>
    public static TaskMetric ChooseMetric(IReadOnlyList<TaskExample> trainingRows) => throw new NotImplementedException();

    /// <summary>The distinct answers of a task's training rows, in order of first appearance: the labels of <see cref="TaskMetric.LabelLikelihood"/>.</summary>
    public static IReadOnlyList<string> LabelsOf(IEnumerable<TaskExample> trainingRows) => throw new NotImplementedException();

    /// <summary>Scores the rows; deterministic, and the same whatever the batch size up to floating-point noise.</summary>
    public static TaskScore Evaluate(
        Decoder decoder, Tokenizer tokenizer, LoraWeights? lora, IReadOnlyList<EncodedExample> rows, TaskMetric metric, IReadOnlyList<string> labels,
        EvaluationOptions options, IProgress<double>? progress = null, CancellationToken cancellationToken = default) => throw new NotImplementedException();
}
