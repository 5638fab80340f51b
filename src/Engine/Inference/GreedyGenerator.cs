using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Inference;

/// <summary>Greedy decoding of many prompts at once.</summary>
public static class GreedyGenerator
{
    // For a lane: every token reads all weights, however few rows there are.
    private const int LeastRows = 8;

    /// <summary>
    /// New ids per prompt, in the order given; the stop id that ended a row is left out. A row also ends at <paramref name="maxNewTokens"/> and where the
    /// model's context is full. Null for <paramref name="size"/> takes the largest; <paramref name="progress"/> is told the share of rows done.
    /// </summary>
    /// <exception cref="ArgumentException">A prompt is empty or longer than the context.</exception>
    public static int[][] Generate(
        Decoder decoder, LoraWeights? lora, IReadOnlyList<int[]> prompts, int maxNewTokens, IReadOnlyList<int> stopIds, ScoringSize? size = null,
        IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        size ??= ScoringSize.Largest;
        Check(decoder, prompts, maxNewTokens);
        var results = new int[prompts.Count][];
        if (maxNewTokens == 0)
        {
            Array.Fill(results, []);
            return results;
        }

        var lanes = new ScoringLanes(decoder, [.. prompts.Select(prompt => prompt.Length + maxNewTokens)], size, size.Tokens, LeastRows);
        lanes.Run(
            Math.Min(ScoringSize.MaxRows, lanes.Size.Positions(decoder.Config.VocabularySize)), // each has logits at every token
            lanes.Size.Tokens,
            group =>
            {
                var generated = GenerateGroup(decoder, lora, [.. group.Select(index => prompts[index])], maxNewTokens, [.. stopIds], cancellation);
                for (var i = 0; i < group.Length; i++) results[group[i]] = generated[i];
            },
            progress, cancellation);
        return results;
    }

    private static int[][] GenerateGroup(
        Decoder decoder, LoraWeights? lora, IReadOnlyList<int[]> prompts, int maxNewTokens, HashSet<int> stopIds, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var limits = prompts.Select(prompt => Math.Min(maxNewTokens, decoder.Config.MaxPositions - prompt.Length)).ToArray();
        var generated = prompts.Select(_ => new List<int>()).ToArray();
        var live = Enumerable.Range(0, prompts.Count).ToArray(); // prompt of each row of the cache
        var prefill = Prefill.Run(decoder, lora, prompts, maxNewTokens);
        using var cache = prefill.Cache;
        var next = Best(decoder, prefill.Last);
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            var kept = new List<int>(); // rows that go on
            for (var row = 0; row < live.Length; row++)
            {
                var ids = generated[live[row]];
                if (ids.Count == limits[live[row]] || stopIds.Contains(next[row])) continue;
                ids.Add(next[row]);
                if (ids.Count < limits[live[row]]) kept.Add(row);
            }

            if (kept.Count == 0) return [.. generated.Select(ids => ids.ToArray())];
            if (kept.Count < live.Length)
            {
                cache.Keep(kept);
                live = [.. kept.Select(row => live[row])];
                next = [.. kept.Select(row => next[row])];
            }

            next = Step(decoder, lora, next, cache);
        }
    }

    private static int[] Step(Decoder decoder, LoraWeights? lora, int[] next, KeyValueCache cache)
    {
        using var scope = NewDisposeScope();
        var ids = tensor(next.Select(id => (long)id).ToArray(), int64, decoder.Device).unsqueeze(1); // [B, 1]
        return Best(decoder, decoder.HiddenCached(ids, cache, lora, null)); // [B, D]
    }

    private static int[] Best(Decoder decoder, Tensor hidden) =>
        [.. decoder.Logits(hidden).argmax(-1).cpu().data<long>().Select(id => (int)id)];

    private static void Check(Decoder decoder, IReadOnlyList<int[]> prompts, int maxNewTokens)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxNewTokens);
        for (var i = 0; i < prompts.Count; i++)
        {
            if (prompts[i].Length == 0) throw new ArgumentException($"Prompt {i} is empty.", nameof(prompts));
            if (prompts[i].Length > decoder.Config.MaxPositions)
                throw new ArgumentException($"Prompt {i} has {prompts[i].Length} tokens; the model takes {decoder.Config.MaxPositions}.", nameof(prompts));
        }
    }
}
