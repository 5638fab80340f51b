using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Inference;

/// <summary>Log-probabilities of the same few continuations after each of many prompts. A prompt runs once, however many continuations follow it, and so does what all prompts begin with.</summary>
public static class ContinuationScorer
{
    // A prompt's keys and values are held once per continuation: few prompts at a time keep that small.
    private const int MaxPromptTokens = 2_048;
    private const int MaxRows = 256;

    /// <summary>[prompt][continuation]: mean of ln p(token | prompt and the continuation before it) over the continuation's tokens.</summary>
    /// <exception cref="ArgumentException">A prompt or continuation is empty.</exception>
    public static double[][] MeanLogProbabilities(
        Decoder decoder, LoraWeights? lora, IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> continuations, CancellationToken cancellation = default)
    {
        if (prompts.Concat(continuations).Any(ids => ids.Length == 0)) throw new ArgumentException("Every prompt and every continuation needs a token.", nameof(prompts));
        var results = new double[prompts.Count][];
        foreach (var group in RightPadded.Groups([.. prompts.Select(ids => ids.Length)], Math.Max(1, MaxRows / continuations.Count), MaxPromptTokens))
        {
            cancellation.ThrowIfCancellationRequested();
            var scores = ScoreGroup(decoder, lora, [.. group.Select(index => prompts[index])], continuations);
            for (var row = 0; row < group.Length; row++) results[group[row]] = scores[row];
        }

        return results;
    }

    private static double[][] ScoreGroup(Decoder decoder, LoraWeights? lora, IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> continuations)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var longestContinuation = continuations.Max(ids => ids.Length);

        // Step 1: the prompts, once. What follows each prompt's last token scores the first token of every continuation.
        var prefill = Prefill.Run(decoder, lora, prompts, longestContinuation);
        using var cache = prefill.Cache;
        var afterPrompt = decoder.Logits(prefill.Last).log_softmax(-1); // [B, V]
        var firsts = afterPrompt.index_select(1, tensor(continuations.Select(ids => (long)ids[0]).ToArray(), int64, decoder.Device)).cpu(); // [B, C]

        // Step 2: each prompt's cache once per continuation, and the continuations but for their last tokens, which predict nothing.
        var sums = firsts.to(float64).data<double>().ToArray();
        if (longestContinuation > 1)
        {
            cache.Keep([.. Enumerable.Range(0, prompts.Count).SelectMany(row => Enumerable.Repeat(row, continuations.Count))]);
            var inputs = RightPadded.Batch([.. prompts.SelectMany(_ => continuations.Select(ids => ids.Length > 1 ? ids[..^1] : ids))], decoder.Device); // [B*C, L-1]
            var logits = decoder.Logits(decoder.HiddenCached(inputs, cache, lora)); // [B*C, L-1, V]
            var targets = RightPadded.Batch([.. prompts.SelectMany(_ => continuations.Select(ids => ids.Length > 1 ? ids[1..] : ids))], decoder.Device); // [B*C, L-1]
            var chosen = (logits.gather(2, targets.unsqueeze(-1)).squeeze(-1) - logits.logsumexp(2)).cpu(); // [B*C, L-1]
            var rest = chosen.to(float64).data<double>().ToArray();
            var width = longestContinuation - 1;
            for (var row = 0; row < sums.Length; row++)
                for (var t = 0; t < continuations[row % continuations.Count].Length - 1; t++) sums[row] += rest[row * width + t];
        }

        return [.. sums.Select((sum, row) => sum / continuations[row % continuations.Count].Length).Chunk(continuations.Count)];
    }
}
