using ContinualService.Engine.Data;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Text;

namespace ContinualService.Engine.Evaluation;

/// <summary>Scores one task's held-out rows with a base model and, where given, an adapter. Deterministic.</summary>
public static class TaskEvaluator
{
    /// <summary>Scores the rows with a loaded model; see the other overload.</summary>
    public static TaskScore Evaluate(
        BaseModel model, LoraWeights? lora, IReadOnlyList<EncodedExample> rows, TaskMetric metric, IReadOnlyList<string> labels,
        EvaluationOptions options, IProgress<double>? progress = null, CancellationToken cancellationToken = default) =>
        Evaluate(model.Decoder, model.Tokenizer, lora, rows, metric, labels, options, progress, cancellationToken);

    /// <summary>Scores the rows.</summary>
    /// <param name="decoder">The base model.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="lora">The adapter; null scores the base model.</param>
    /// <param name="rows">At least one row, encoded for this model.</param>
    /// <param name="metric">What to measure.</param>
    /// <param name="labels">The answers to choose from with <see cref="TaskMetric.LabelLikelihood"/>; not used otherwise.</param>
    /// <param name="options">How much at once, and lengths.</param>
    /// <param name="progress">Receives the share of rows done, up to 1, from one thread at a time.</param>
    /// <param name="cancellationToken">Ends it between batches, and between tokens that are generated, with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="ArgumentException">No rows, or rows that the metric cannot score (no question, no gold answer, no labels).</exception>
    public static TaskScore Evaluate(
        Decoder decoder, Tokenizer tokenizer, LoraWeights? lora, IReadOnlyList<EncodedExample> rows, TaskMetric metric, IReadOnlyList<string> labels,
        EvaluationOptions options, IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        Check(rows, metric, labels);
        var job = new Job(decoder, tokenizer, lora, rows, options, progress, cancellationToken);
        if (metric == TaskMetric.Loss) return Loss(job);
        var (scores, rowAnswers) = metric switch
        {
            TaskMetric.ExactMatch => Generated(job, (answer, golds) => AnswerText.Matches(answer, golds) ? 1 : 0),
            TaskMetric.RougeL => Generated(job, RougeL.Score),
            _ => Likeliest(job, labels),
        };
        var (low, high) = metric == TaskMetric.RougeL
            ? ConfidenceInterval.Mean(scores, weights: null, floor: 0, ceiling: 1)
            : ConfidenceInterval.Wilson(scores.Sum(), scores.Length);
        return new TaskScore(scores.Average(), scores.Length, low, high, scores, metric) { RowAnswers = rowAnswers };
    }

    private sealed record Job(
        Decoder Decoder, Tokenizer Tokenizer, LoraWeights? Lora, IReadOnlyList<EncodedExample> Rows, EvaluationOptions Options,
        IProgress<double>? Progress, CancellationToken Cancellation)
    {
        public List<int[]> Prompts => [.. Rows.Select(row => row.PromptIds)];
    }

    private static (double[] Scores, string[] Answers) Generated(Job job, Func<string, IEnumerable<string>, double> score)
    {
        var maxNewTokens = job.Options.MaxNewTokens ?? AnswerEnds.LongestAnswer(job.Tokenizer, job.Rows) + job.Options.AnswerMargin;
        var stopIds = AnswerEnds.StopIds(job.Decoder, job.Tokenizer, job.Rows);
        var answers = GreedyGenerator.Generate(job.Decoder, job.Lora, job.Prompts, maxNewTokens, stopIds, job.Options.Size, job.Progress, job.Cancellation);
        string[] texts = [.. answers.Select(ids => job.Tokenizer.Decode(ids, skipSpecialTokens: true))];
        return ([.. texts.Zip(job.Rows, (answer, row) => score(answer, AnswerEnds.Golds(row)))], texts);
    }

    // 1 where the label of the highest mean log-probability per token is a gold answer; on a tie the first label.
    private static (double[] Scores, string[] Answers) Likeliest(Job job, IReadOnlyList<string> labels)
    {
        var labelIds = labels.Select(label => job.Tokenizer.Encode(label, addSpecialTokens: false, parseSpecialTokens: false).Ids).ToList();
        var likelihoods = ContinuationScorer.MeanLogProbabilities(job.Decoder, job.Lora, job.Prompts, labelIds, job.Options.Size, job.Progress, job.Cancellation);
        string[] chosen = [.. likelihoods.Select(ofRow => labels[Enumerable.Range(0, labels.Count).MaxBy(label => ofRow[label])])];
        return ([.. chosen.Zip(job.Rows, (label, row) => AnswerText.Matches(label, AnswerEnds.Golds(row)) ? 1.0 : 0)], chosen);
    }

    private static TaskScore Loss(Job job)
    {
        var trained = job.Rows.Select(TrainedPositions).ToList();
        var logProbabilities = SequenceScorer.LogProbabilities(
            job.Decoder, job.Lora, [.. job.Rows.Select(row => row.Ids)], [.. trained.Select(positions => positions[0])], job.Options.Size, job.Progress, job.Cancellation);
        double[] losses = [.. trained.Zip(logProbabilities, (positions, ofRow) => -positions.Average(position => (double)ofRow[position]))];
        double[] tokens = [.. trained.Select(positions => (double)positions.Length)];
        var score = losses.Select((loss, row) => loss * tokens[row]).Sum() / tokens.Sum();
        var (low, high) = ConfidenceInterval.Mean(losses, tokens, floor: 0, ceiling: double.PositiveInfinity);
        return new TaskScore(score, losses.Length, low, high, losses, TaskMetric.Loss) { RowWeights = tokens };
    }

    private static int[] TrainedPositions(EncodedExample row) =>
        [.. Enumerable.Range(1, row.Labels.Length - 1).Where(position => row.Labels[position] != EncodedExample.IgnoreIndex)];

    private static void Check(IReadOnlyList<EncodedExample> rows, TaskMetric metric, IReadOnlyList<string> labels)
    {
        if (rows.Count == 0) throw new ArgumentException("There are no rows to score.", nameof(rows));
        if (metric == TaskMetric.LabelLikelihood && (labels.Count == 0 || labels.Any(string.IsNullOrEmpty)))
            throw new ArgumentException("Label likelihood needs at least one label, none of them empty.", nameof(labels));
        for (var row = 0; row < rows.Count; row++)
        {
            if (metric == TaskMetric.Loss && TrainedPositions(rows[row]).Length == 0)
                throw new ArgumentException($"Row {row} has no trained token, so it has no loss.", nameof(rows));
            if (metric != TaskMetric.Loss && (rows[row].Target is null || rows[row].PromptIds.Length == 0))
                throw new ArgumentException($"Row {row} has no question or no answer; only the loss scores such rows.", nameof(rows));
        }
    }
}
