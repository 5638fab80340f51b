using System.Runtime.InteropServices;
using ContinualService.Engine.Evaluation;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using ContinualService.Worker.Runs;

namespace ContinualService.Worker.Child;

/// <summary>Scores held-out rows under one set of weights after another, and tells how far it is with all of them.</summary>
/// <param name="model">The base.</param>
/// <param name="reporter">Is told.</param>
/// <param name="size">How much is computed at once; where memory runs out, half of it from there on.</param>
/// <param name="total">Rows in all, each as often as it is scored; with more than these the bar waits at its end.</param>
/// <param name="stop">Looked at between batches.</param>
/// <param name="before">How many of them an earlier attempt has scored.</param>
internal sealed class RowScorer(BaseModel model, RunReporter reporter, ScoringSize size, int total, CancellationToken stop, int before = 0)
{
    private readonly List<ScoringSize> _taken = [];

    /// <summary>How many rows are scored.</summary>
    public int Done { get; private set; } = before;

    /// <summary>How much is computed at once by now.</summary>
    public ScoringSize Size { get; private set; } = size;

    /// <summary>The sizes that rows were scored with, in tokens: <c>16384</c>, or <c>16384; 8192</c> where memory ran out between; null: none was scored.</summary>
    public string? Sizes => _taken.Count == 0 ? null : string.Join("; ", _taken.Select(each => FormattableString.Invariant($"{each.Tokens}")));

    /// <summary>Null where it was asked to stop.</summary>
    public List<ScoredRows>? Score(IReadOnlyList<(TaskRunner.PreparedEvaluation Evaluation, ScoredWeights Weights, LoraWeights? Lora)> work)
    {
        List<ScoredRows> scores = [];
        try
        {
            foreach (var (evaluation, weights, lora) in work)
            {
                var score = Evaluate(evaluation, lora);
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

    // The rows of one task have one size: where memory runs out, they are begun anew.
    private TaskScore Evaluate(TaskRunner.PreparedEvaluation evaluation, LoraWeights? lora)
    {
        var relay = new Relay(reporter, Done, evaluation.Rows.Count, Math.Max(1, total));
        while (true)
        {
            try
            {
                var score = TaskEvaluator.Evaluate(
                    model.Decoder, model.Tokenizer, lora, evaluation.Rows, evaluation.Metric, evaluation.Labels, new EvaluationOptions { Size = Size }, relay, stop);
                if (_taken.Count == 0 || _taken[^1] != Size) _taken.Add(Size);
                return score;
            }
            catch (ExternalException error) when (MemoryExhaustedException.Is(error))
            {
                Size = Size.Smaller ?? throw MemoryExhaustedException.Scoring(evaluation.Rows.Max(row => row.Ids.Length), error);
                reporter.Send(new RunMessage.ScoringShort(Size.Tokens));
            }
        }
    }

    private sealed class Relay(RunReporter reporter, int rowsBefore, int rows, int totalRows) : IProgress<double>
    {
        public void Report(double value) => reporter.Send(new RunMessage.Evaluation(Math.Min(1, (rowsBefore + value * rows) / totalRows)));
    }
}
