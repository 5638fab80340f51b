using System.Text.Json.Nodes;
using ContinualService.Domain.Drift;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Data;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Evaluation;

/// <summary>
/// How far a version went from the one before, beside the scores: the angle between the row spaces of A, the divergence on a few fixed prompts, the share of answers that end
/// by themselves. Its cost does not grow with the tasks. Deterministic.
/// </summary>
public static class DriftProbe
{
    // Of an answer to a canary: the divergence is taken over these and the token that begins it.
    private const int CanaryTokens = 8;
    private const int LongestCanary = 256;

    /// <summary>Measures.</summary>
    /// <param name="model">The base.</param>
    /// <param name="before">The version before.</param>
    /// <param name="now">The new one.</param>
    /// <param name="canaries">Prompts, as a user would send them; none: no divergence is measured.</param>
    /// <param name="questions">Held-out rows; those without a question and an answer are left out, and without any other no share is measured.</param>
    /// <param name="size">How much is computed at once; null: the largest.</param>
    /// <param name="cancellation">Ends it with <see cref="OperationCanceledException"/>.</param>
    public static DriftMeasures Run(
        BaseModel model, LoraWeights before, LoraWeights now, IReadOnlyList<string> canaries, IReadOnlyList<EncodedExample> questions, ScoringSize? size = null,
        CancellationToken cancellation = default)
    {
        var turned = RowSpace.LargestAngle(before, now);
        List<int[]> prompts = [.. canaries.Select(text => Encode(model, text)).Where(ids => ids.Length > 0)];
        var (fromBefore, fromBase) = prompts.Count == 0 ? (null, null) : Divergence(model.Decoder, before, now, prompts, AnswerEnds.StopIds(model.Decoder, model.Tokenizer, questions), size, cancellation);
        List<EncodedExample> asked = [.. questions.Where(row => row.Target is not null && row.PromptIds.Length > 0)];
        var (stoppedBefore, stopped) = ((double?)null, (double?)null);
        if (asked.Count > 0)
        {
            var (limit, stops) = (AnswerEnds.LongestAnswer(model.Tokenizer, asked) + new EvaluationOptions().AnswerMargin, AnswerEnds.StopIds(model.Decoder, model.Tokenizer, asked));
            List<int[]> ids = [.. asked.Select(row => row.PromptIds)];
            (stoppedBefore, stopped) = (StopShare(model.Decoder, before, ids, limit, stops, size, cancellation), StopShare(model.Decoder, now, ids, limit, stops, size, cancellation));
        }

        return new DriftMeasures(turned?.Degrees, turned?.Layer.Path, fromBefore, fromBase, stoppedBefore, stopped, asked.Count);
    }

    /// <summary>At most so many rows, evenly spaced.</summary>
    public static IReadOnlyList<EncodedExample> Spread(IReadOnlyList<EncodedExample> rows, int count) =>
        rows.Count <= count ? rows : [.. Enumerable.Range(0, count).Select(index => rows[(int)((long)index * rows.Count / count)])];

    /// <summary>
    /// Means of KL(before, now) and KL(base, now) in nats, over the distributions of the next token at the end of each prompt and after each token of the greedy answer that the
    /// version before gives: where it stood is what people got.
    /// </summary>
    internal static (double? FromBefore, double? FromBase) Divergence(
        Decoder decoder, LoraWeights before, LoraWeights now, IReadOnlyList<int[]> prompts, IReadOnlyList<int> stopIds, ScoringSize? size = null, CancellationToken cancellation = default)
    {
        var answers = GreedyGenerator.Generate(decoder, before, prompts, CanaryTokens, stopIds, size, null, cancellation);
        var (fromBefore, fromBase, count) = (0.0, 0.0, 0L);
        for (var index = 0; index < prompts.Count; index++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            int[] ids = [.. prompts[index], .. answers[index]];
            var positions = answers[index].Length + 1;
            var next = LogProbabilities(now);
            fromBefore += Sum(LogProbabilities(before), next);
            fromBase += Sum(LogProbabilities(null), next);
            count += positions;

            // [n, V], float64: a divergence is a small difference of large sums.
            Tensor LogProbabilities(LoraWeights? lora)
            {
                var hidden = decoder.Hidden(RightPadded.Batch([ids], decoder.Device), lora); // [1, T, D]
                return decoder.Logits(hidden.squeeze(0).narrow(0, prompts[index].Length - 1, positions)).to(float64).log_softmax(-1);
            }
        }

        return (Finite(fromBefore / count), Finite(fromBase / count));

        static double Sum(Tensor was, Tensor next) => was.exp().mul(was.sub(next)).sum().item<double>();
    }

    /// <summary>Share of greedy answers that end with one of <paramref name="stopIds"/> within so many tokens.</summary>
    internal static double StopShare(Decoder decoder, LoraWeights? lora, IReadOnlyList<int[]> prompts, int maxNewTokens, IReadOnlyList<int> stopIds, ScoringSize? size = null, CancellationToken cancellation = default)
    {
        // One more is asked for than may be used: an answer that is as long as it may be can still end.
        var answers = GreedyGenerator.Generate(decoder, lora, prompts, maxNewTokens + 1, stopIds, size, null, cancellation);
        return (double)answers.Where((answer, index) => answer.Length < Math.Min(maxNewTokens + 1, decoder.Config.MaxPositions - prompts[index].Length)).Count() / prompts.Count;
    }

    // JSON has no infinity; weights that are not numbers diverge as far as can be told.
    private static double Finite(double value) => double.IsFinite(value) ? Math.Max(0, value) : double.MaxValue;

    private static int[] Encode(BaseModel model, string text)
    {
        var ids = model.Chat.HasTemplate ? Chat() : Plain();
        // Room for the answer, and a bound on what a prompt can cost.
        return ids[..Math.Min(ids.Length, Math.Max(1, Math.Min(LongestCanary, model.Config.MaxPositions - CanaryTokens - 1)))];

        int[] Chat()
        {
            try
            {
                return model.Chat.EncodePrompt(new JsonArray(new JsonObject { ["role"] = "user", ["content"] = text }));
            }
            catch (ChatTemplateException)
            {
                // A template that wants more than one user message: the bare text is a canary as well.
                return Plain();
            }
        }

        int[] Plain() => model.Tokenizer.Encode(text, addSpecialTokens: true, parseSpecialTokens: false).Ids;
    }
}
