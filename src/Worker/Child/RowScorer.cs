using ContinualService.Engine.Evaluation;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Worker.Runs;

namespace ContinualService.Worker.Child;

/// <summary>Scores held-out rows under one set of weights after another, and tells how far it is with all of them.</summary>
/// <param name="model">The base.</param>
/// <param name="reporter">Is told.</param>
/// <param name="total">Rows in all, each as often as it is scored; with more than these the bar waits at its end.</param>
/// <param name="stop">Looked at between batches.</param>
/// <param name="before">How many of them an earlier attempt has scored.</param>
internal sealed class RowScorer(BaseModel model, RunReporter reporter, int total, CancellationToken stop, int before = 0)
{
    /// <summary>How many rows are scored.</summary>
    public int Done { get; private set; } = before;

    /// <summary>Null where it was asked to stop.</summary>
    public List<ScoredRows>? Score(IReadOnlyList<(TaskRunner.PreparedEvaluation Evaluation, ScoredWeights Weights, LoraWeights? Lora)> work)
    {
        List<ScoredRows> scores = [];
        try
        {
            foreach (var (evaluation, weights, lora) in work)
            {
                var relay = new Relay(reporter, Done, evaluation.Rows.Count, Math.Max(1, total));
                var score = TaskEvaluator.Evaluate(model.Decoder, model.Tokenizer, lora, evaluation.Rows, evaluation.Metric, evaluation.Labels, new EvaluationOptions(), relay, stop);
                scores.Add(new ScoredRows(new RunScore(evaluation.TaskId, weights, score.Score, score.Count, score.Low, score.High, evaluation.Metric.WireName()), score));
                Done += evaluation.Rows.Count;
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Where checkpoints are wanted, the one after the last step is written: what is lost is this scoring.
            return null;
        }

        return scores;
    }

    private sealed class Relay(RunReporter reporter, int rowsBefore, int rows, int totalRows) : IProgress<double>
    {
        public void Report(double value) => reporter.Send(new RunMessage.Evaluation(Math.Min(1, (rowsBefore + value * rows) / totalRows)));
    }
}
