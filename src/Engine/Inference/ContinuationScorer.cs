using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Inference;

/// <summary>Log-probabilities of the same few continuations after each of many prompts. A prompt runs once, however many continuations follow it, and so does what all prompts begin with.</summary>
public static class ContinuationScorer
{
    // A prompt's keys and values are held once per continuation: few prompts at a time keep that small.
    private const int PromptShare = 8;
    private const int MaxRows = 256;

    /// <summary>[prompt][continuation]: mean of ln p(token | prompt and the continuation before it) over the continuation's tokens. Null for <paramref name="size"/> takes the largest.</summary>
    /// <exception cref="ArgumentException">A prompt or continuation is empty.</exception>
    public static double[][] MeanLogProbabilities(
        Decoder decoder, LoraWeights? lora, IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> continuations, ScoringSize? size = null,
        CancellationToken cancellation = default)
    {
        size ??= ScoringSize.Largest;
        if (prompts.Concat(continuations).Any(ids => ids.Length == 0)) throw new ArgumentException("Every prompt and every continuation needs a token.", nameof(prompts));
        var results = new double[prompts.Count][];
        var rows = Math.Clamp(MaxRows / continuations.Count, 1, size.Positions(decoder.Config.VocabularySize));
        foreach (var group in RightPadded.Groups([.. prompts.Select(ids => ids.Length)], rows, size.Tokens / PromptShare))
        {
            cancellation.ThrowIfCancellationRequested();
            var scores = ScoreGroup(decoder, lora, [.. group.Select(index => prompts[index])], continuations, size);
            for (var row = 0; row < group.Length; row++) results[group[row]] = scores[row];
        }

        return results;
    }

    private static double[][] ScoreGroup(Decoder decoder, LoraWeights? lora, IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> continuations, ScoringSize size)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var longestContinuation = continuations.Max(ids => ids.Length);

        // Step 1: the prompts, once. What follows each prompt's last token scores the first token of every continuation.
        var prefill = Prefill.Run(decoder, lora, prompts, longestContinuation);
        using var cache = prefill.Cache;
        var afterPrompt = decoder.Logits(prefill.Last).log_softmax(-1); // [B, V]
        var firsts = afterPrompt.index_select(1, tensor(continuations.Select(ids => (long)ids[0]).ToArray(), int64, decoder.Device)).cpu(); // [B, C]

        // Step 2: each prompt's cache once per continuation, of as many of them as may be cached at a time.
        var sums = firsts.to(float64).data<double>().ToArray();
        var atOnce = Math.Clamp(size.Tokens / (prompts.Count * cache.Capacity), 1, continuations.Count);
        foreach (var piece in Enumerable.Range(0, continuations.Count).Where(index => continuations[index].Length > 1).Chunk(atOnce)) AddRest(decoder, lora, cache, continuations, piece, sums, size);
        return [.. sums.Select((sum, row) => sum / continuations[row % continuations.Count].Length).Chunk(continuations.Count)];
    }

    // The continuations but for their last tokens, which predict nothing.
    private static void AddRest(Decoder decoder, LoraWeights? lora, KeyValueCache prompts, IReadOnlyList<int[]> continuations, int[] piece, double[] sums, ScoringSize size)
    {
        using var scope = NewDisposeScope();
        var count = prompts.Lengths.Count;
        using var cache = prompts.Rows([.. Enumerable.Range(0, count).SelectMany(prompt => Enumerable.Repeat(prompt, piece.Length))]);
        var inputs = RightPadded.Batch([.. Enumerable.Range(0, count).SelectMany(_ => piece.Select(index => continuations[index][..^1]))], decoder.Device); // [B*P, L-1]
        var hidden = decoder.HiddenCached(inputs, cache, lora).flatten(0, 1); // [B*P*(L-1), D]
        var (sources, targets, places) = (new List<long>(), new List<long>(), new List<int>());
        for (var row = 0; row < count * piece.Length; row++)
        {
            var (prompt, index) = (row / piece.Length, piece[row % piece.Length]);
            for (var t = 1; t < continuations[index].Length; t++)
            {
                sources.Add(row * inputs.shape[1] + t - 1); // the token before predicts this one
                targets.Add(continuations[index][t]);
                places.Add(prompt * continuations.Count + index);
            }
        }

        var scores = SequenceScorer.Score(decoder, hidden, sources, targets, size);
        for (var i = 0; i < places.Count; i++) sums[places[i]] += scores[i];
    }
}
