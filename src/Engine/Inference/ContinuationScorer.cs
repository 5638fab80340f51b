using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Inference;

/// <summary>
/// Log-probabilities of the same few continuations after each of many prompts. A prompt runs once, however many continuations follow it, and so does what all prompts begin with. The continuations run side by side after it, none of which sees another.
/// </summary>
public static class ContinuationScorer
{
    // Continuations' tokens at once, after each prompt: room for them is kept there.
    private const int MaxTokens = 64;

    // For a lane.
    private const int LeastRows = 4;

    /// <summary>[prompt][continuation]: mean of ln p(token | prompt and the continuation before it) over the continuation's tokens. Null for <paramref name="size"/> takes the largest; <paramref name="progress"/> is told the share of prompts done.</summary>
    /// <exception cref="ArgumentException">A prompt or continuation is empty.</exception>
    public static double[][] MeanLogProbabilities(
        Decoder decoder, LoraWeights? lora, IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> continuations, ScoringSize? size = null,
        IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        size ??= ScoringSize.Largest;
        if (prompts.Concat(continuations).Any(ids => ids.Length == 0)) throw new ArgumentException("Every prompt and every continuation needs a token.", nameof(prompts));
        var (results, pieces) = (new double[prompts.Count][], Pieces(continuations));
        var room = pieces.Select(piece => Tokens(continuations, piece)).DefaultIfEmpty(0).Max();
        var lanes = new ScoringLanes(decoder, [.. prompts.Select(ids => ids.Length + room)], size, size.Tokens, LeastRows);
        int[] limits = [ScoringSize.MaxRows, ScoringSize.PassTokens(decoder.OnCpu) / Math.Max(1, room), lanes.Size.Positions(decoder.Config.VocabularySize)];
        lanes.Run(
            Math.Max(1, limits.Min()),
            lanes.Size.Tokens,
            group =>
            {
                var scores = ScoreGroup(decoder, lora, [.. group.Select(index => prompts[index])], continuations, pieces, room, lanes.Size, cancellation);
                for (var row = 0; row < group.Length; row++) results[group[row]] = scores[row];
            },
            progress, cancellation);
        return results;
    }

    /// <summary>Indices of those with more than their first token, as many at once as have room beside each other, at least one.</summary>
    internal static IReadOnlyList<int[]> Pieces(IReadOnlyList<int[]> continuations)
    {
        int[] longer = [.. Enumerable.Range(0, continuations.Count).Where(index => continuations[index].Length > 1)];
        return [.. RightPadded.Runs([.. longer.Select(index => Tokens(continuations, [index]))], longer.Length, int.MaxValue, MaxTokens).Select(run => longer[run])];
    }

    // But for their last ones, which predict nothing.
    private static int Tokens(IReadOnlyList<int[]> continuations, int[] piece) => piece.Sum(index => continuations[index].Length - 1);

    private static double[][] ScoreGroup(
        Decoder decoder, LoraWeights? lora, IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> continuations, IReadOnlyList<int[]> pieces, int room, ScoringSize size, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();

        // Step 1: the prompts, once. What follows each prompt's last token scores the first token of every continuation.
        var prefill = Prefill.Run(decoder, lora, prompts, room);
        using var cache = prefill.Cache;
        var afterPrompt = decoder.Logits(prefill.Last).log_softmax(-1); // [B, V]
        var firsts = afterPrompt.index_select(1, tensor(continuations.Select(ids => (long)ids[0]).ToArray(), int64, decoder.Device)).cpu(); // [B, C]

        // Step 2: the other tokens.
        var sums = firsts.to(float64).data<double>().ToArray();
        foreach (var piece in pieces)
        {
            cancellation.ThrowIfCancellationRequested();
            AddRest(decoder, lora, cache, continuations, piece, sums, size);
            cache.Truncate([.. prompts.Select(prompt => prompt.Length)]);
        }

        return [.. sums.Select((sum, row) => sum / continuations[row % continuations.Count].Length).Chunk(continuations.Count)];
    }

    private static void AddRest(Decoder decoder, LoraWeights? lora, KeyValueCache cache, IReadOnlyList<int[]> continuations, int[] piece, double[] sums, ScoringSize size)
    {
        using var scope = NewDisposeScope();
        var (rows, inputs) = (cache.Lengths.Count, piece.SelectMany(index => continuations[index][..^1]).ToArray());
        var ids = RightPadded.Batch([.. Enumerable.Repeat(inputs, rows)], decoder.Device); // [B, T]
        var hidden = decoder.HiddenCached(ids, cache, lora, null, [.. piece.Select(index => continuations[index].Length - 1)]); // [B*T, D]
        List<long> targets = [.. piece.SelectMany(index => continuations[index][1..]).Select(id => (long)id)];
        int[] owners = [.. piece.SelectMany(index => Enumerable.Repeat(index, continuations[index].Length - 1))];
        var scores = SequenceScorer.Score(decoder, hidden, [.. Enumerable.Repeat(targets, rows).SelectMany(each => each)], size);
        for (var i = 0; i < scores.Length; i++) sums[(i / owners.Length * continuations.Count) + owners[i % owners.Length]] += scores[i];
    }
}
