using ContinualService.Engine.Data;
using ContinualService.Engine.Evaluation;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Data;
using ContinualService.Engine.Tests.Models;
using ContinualService.Engine.Tests.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Evaluation;

public sealed class TaskEvaluatorTests : IDisposable
{
    private const int Ignore = EncodedExample.IgnoreIndex;
    private static readonly string[] Prompts = ["one", "a longer prompt", "x", "what is this?", "seven 7"];

    private readonly Decoder _decoder;

    public TaskEvaluatorTests()
    {
        var config = ModelConfig.Parse(TinyModels.Json(), null) with { VocabularySize = ByteText.VocabularySize, EosTokenIds = [ByteText.EndOfTextId] };
        _decoder = TinyModels.Create(config);
    }

    public void Dispose() => _decoder.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(16_384)]
    public void Evaluate_ExactMatch_CountsAnswersThatTheModelGives(int size)
    {
        var options = new EvaluationOptions { MaxNewTokens = 5, Size = new ScoringSize(size) };
        var answers = Prompts.Select(prompt => ByteText.Tokenizer.Decode(Greedy(Bytes(prompt), 5), skipSpecialTokens: true)).ToArray();
        // Rows 0 and 1 have the model's own answer as target, row 2 as a further reference, the others something else.
        var rows = Prompts.Select((prompt, row) => Row(prompt, row < 2 ? answers[row] : "wrong answer", row == 2 ? [answers[row]] : [])).ToList();
        var score = TaskEvaluator.Evaluate(_decoder, ByteText.Tokenizer, null, rows, TaskMetric.ExactMatch, [], options, null, TestContext.Current.CancellationToken);
        Assert.Equal([1, 1, 1, 0, 0], score.RowScores);
        Assert.Equal(answers, score.RowAnswers);
        Assert.Null(score.RowWeights);
        Assert.Equal(0.6, score.Score, 12);
        Assert.Equal(5, score.Count);
        Assert.Equal(ConfidenceInterval.Wilson(3, 5), (score.Low, score.High));
    }

    [Fact]
    public void Evaluate_LabelLikelihood_PicksTheLabelOfTheHighestMeanLogProbability()
    {
        using var lora = TinyModels.CreateLora(_decoder, new LoraConfig(2, 4, [LoraConfig.AllLinear]));
        string[] labels = ["yes", "no", "perhaps not"];
        var best = Prompts.Select(prompt => labels.MaxBy(label => Mean(Bytes(prompt), Bytes(label), lora))!).ToList();
        var rows = Prompts.Select((prompt, row) => Row(prompt, row == 3 ? labels.First(label => label != best[row]) : best[row].ToUpperInvariant())).ToList();
        var options = new EvaluationOptions();
        var score = TaskEvaluator.Evaluate(
            _decoder, ByteText.Tokenizer, lora, rows, TaskMetric.LabelLikelihood, labels, options, null, TestContext.Current.CancellationToken);
        Assert.Equal([1, 1, 1, 0, 1], score.RowScores);
        Assert.Equal(best, score.RowAnswers);
    }

    [Fact]
    public void Evaluate_Loss_IsTheMeanOverTrainedTokens()
    {
        var rows = new[] { Row("one", "a"), Row("a longer prompt", "more than that"), Row("x", "bc") };
        var options = new EvaluationOptions();
        var score = TaskEvaluator.Evaluate(_decoder, ByteText.Tokenizer, null, rows, TaskMetric.Loss, [], options, null, TestContext.Current.CancellationToken);
        var means = rows.Select(row => -Mean(row.PromptIds, row.Ids[row.PromptIds.Length..], null)).ToArray();
        int[] tokens = [1, 14, 2];
        for (var row = 0; row < rows.Length; row++) Assert.Equal(means[row], score.RowScores[row], 1e-4);
        Assert.Equal(means.Zip(tokens, (mean, count) => mean * count).Sum() / 17, score.Score, 1e-4);
        Assert.False(score.HigherIsBetter);
        Assert.Equal([1, 14, 2], score.RowWeights);
        Assert.Equal(score.RowScores.Select(loss => -loss), score.RowsForMatrix());
        Assert.Null(score.RowAnswers);
        Assert.InRange(score.Score, score.Low, score.High);
    }

    [Fact]
    public void Evaluate_RougeL_ScoresTheGeneratedText()
    {
        var answer = ByteText.Tokenizer.Decode(Greedy(Bytes("one"), 8), skipSpecialTokens: true);
        var score = TaskEvaluator.Evaluate(
            _decoder, ByteText.Tokenizer, null, [Row("one", "some words " + answer)], TaskMetric.RougeL, [], new EvaluationOptions { MaxNewTokens = 8 }, null,
            TestContext.Current.CancellationToken);
        Assert.Equal(RougeL.Score(answer, ["some words " + answer]), Assert.Single(score.RowScores), 12);
    }

    [Theory]
    [InlineData(TaskMetric.ExactMatch)]
    [InlineData(TaskMetric.LabelLikelihood)]
    [InlineData(TaskMetric.Loss)]
    public void Evaluate_InSmallerSizes_TakesMorePassesAndScoresTheSame(TaskMetric metric)
    {
        string[] labels = ["yes", "no", "perhaps not", "never"];
        var rows = Prompts.Select((prompt, row) => Row(prompt, labels[row % 4])).ToList();
        var (whole, passes) = Score(ScoringSize.Largest);
        // A row of each group, the logits of a few positions; one label after another.
        var (single, more) = Score(new ScoringSize(1));
        var (some, between) = Score(new ScoringSize(64));

        Assert.True(passes < between && between < more && more > 3 * passes, $"{passes}, {between} and {more} tensors");
        foreach (var other in new[] { some, single })
        {
            Assert.Equal(whole.RowAnswers, other.RowAnswers);
            Assert.All(whole.RowScores.Zip(other.RowScores), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        }

        (TaskScore Score, long Tensors) Score(ScoringSize size)
        {
            using var scope = NewDisposeScope();
            var before = DisposeScopeManager.Statistics.CreatedInScopeCount;
            var options = new EvaluationOptions { MaxNewTokens = 5, Size = size };
            var score = TaskEvaluator.Evaluate(_decoder, ByteText.Tokenizer, null, rows, metric, labels, options, null, TestContext.Current.CancellationToken);
            return (score, DisposeScopeManager.Statistics.CreatedInScopeCount - before);
        }
    }

    [Fact]
    public void Evaluate_Progress_EndsAtOneAndStopsWhenCancelled()
    {
        var rows = Prompts.Select(prompt => Row(prompt, "a")).ToList();
        var reports = new List<double>();
        using var cancel = new CancellationTokenSource();
        var progress = new SynchronousProgress<double>(reports.Add);
        var options = new EvaluationOptions { Size = new ScoringSize(64) };
        foreach (var metric in new[] { TaskMetric.Loss, TaskMetric.ExactMatch, TaskMetric.LabelLikelihood })
        {
            reports.Clear();
            TaskEvaluator.Evaluate(_decoder, ByteText.Tokenizer, null, rows, metric, ["yes", "no"], options, progress, cancel.Token);
            Assert.InRange(reports.Count, 2, rows.Count);
            Assert.Equal(reports.Order(), reports);
            Assert.Equal(1, reports[^1]);
        }

        cancel.Cancel();
        Assert.Throws<OperationCanceledException>(
            () => TaskEvaluator.Evaluate(_decoder, ByteText.Tokenizer, null, rows, TaskMetric.Loss, [], options, null, cancel.Token));
    }

    [Fact]
    public void Evaluate_RowsTheMetricCannotScore_Throws()
    {
        var text = new EncodedExample([1, 2], [Ignore, 2], [], null, []);
        Assert.Throws<ArgumentException>(() => Evaluate([], TaskMetric.Loss));
        Assert.Throws<ArgumentException>(() => Evaluate([text], TaskMetric.ExactMatch));
        Assert.Throws<ArgumentException>(() => Evaluate([Row("q", "a")], TaskMetric.LabelLikelihood));
        Assert.Throws<ArgumentException>(() => Evaluate([text with { Labels = [1, Ignore] }], TaskMetric.Loss));
    }

    private TaskScore Evaluate(EncodedExample[] rows, TaskMetric metric) =>
        TaskEvaluator.Evaluate(_decoder, ByteText.Tokenizer, null, rows, metric, [], new EvaluationOptions());

    private static EncodedExample Row(string prompt, string answer, string[]? references = null)
    {
        int[] ids = [.. Bytes(prompt), .. Bytes(answer)];
        return new EncodedExample(ids, [.. Enumerable.Repeat(Ignore, Bytes(prompt).Length), .. Bytes(answer)], Bytes(prompt), answer, references ?? []);
    }

    private static int[] Bytes(string text) => [.. System.Text.Encoding.UTF8.GetBytes(text).Select(value => (int)value)];

    // One full forward pass per token: slow, and nothing in common with the cached generator.
    private int[] Greedy(int[] prompt, int count)
    {
        var ids = prompt.ToList();
        while (ids.Count < prompt.Length + count)
        {
            using var scope = NewDisposeScope();
            var next = (int)LogProbabilities([.. ids], null)[^1].argmax().item<long>();
            if (next == ByteText.EndOfTextId) break;
            ids.Add(next);
        }

        return [.. ids.Skip(prompt.Length)];
    }

    private double Mean(int[] prompt, int[] answer, LoraWeights? lora)
    {
        using var scope = NewDisposeScope();
        var logProbabilities = LogProbabilities([.. prompt, .. answer], lora); // [T, V]
        return Enumerable.Range(0, answer.Length).Average(index => (double)logProbabilities[prompt.Length + index - 1][answer[index]].item<float>());
    }

    private Tensor LogProbabilities(int[] ids, LoraWeights? lora)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var input = tensor(ids.Select(id => (long)id).ToArray()).unsqueeze(0); // [1, T]
        return _decoder.Logits(_decoder.Hidden(input, lora)).log_softmax(-1)[0].MoveToOuterDisposeScope(); // [T, V]
    }
}
