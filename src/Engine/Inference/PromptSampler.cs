using System.Runtime.InteropServices;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Inference;

/// <summary>Draws user's turns from what a model thinks they look like, many at once.</summary>
internal static class PromptSampler
{
    private const int MaxRows = 64;
    private const int MaxTokens = 16_384;
    private const int LeastOrdinary = 2;

    /// <summary>At most <paramref name="count"/> prompts, each from the template's beginning to where an answer begins. One that does not end in time is dropped; twice as many are begun at most.</summary>
    /// <param name="decoder">The base.</param>
    /// <param name="lora">What the layers add.</param>
    /// <param name="turn">How a turn begins and ends.</param>
    /// <param name="count">Prompts wanted.</param>
    /// <param name="maxTokens">Most tokens of a prompt.</param>
    /// <param name="temperature">Above 0.</param>
    /// <param name="generator">On the CPU: the same state gives the same prompts.</param>
    /// <param name="cancellation">Looked at between tokens.</param>
    public static IReadOnlyList<int[]> Draw(
        Decoder decoder, LoraWeights? lora, UserTurn turn, int count, int maxTokens, double temperature, Generator generator, CancellationToken cancellation)
    {
        List<int[]> prompts = [];
        var atOnce = Math.Clamp(MaxTokens / maxTokens, 1, MaxRows);
        for (var begun = 0; begun < 2 * count && prompts.Count < count; begun += atOnce)
        {
            prompts.AddRange(DrawGroup(decoder, lora, turn, Math.Min(atOnce, 2 * count - begun), maxTokens, temperature, generator, cancellation));
        }

        return prompts.Count > count ? prompts[..count] : prompts;
    }

    private static IEnumerable<int[]> DrawGroup(
        Decoder decoder, LoraWeights? lora, UserTurn turn, int count, int maxTokens, double temperature, Generator generator, CancellationToken cancellation)
    {
        if (turn.Before.Length >= maxTokens) return [];
        using var noGrad = no_grad();
        var rows = Enumerable.Range(0, count).Select(_ => new List<int>(turn.Before)).ToArray();
        var ended = new bool[count];
        using var cache = new KeyValueCache(decoder, count, maxTokens);
        var live = Enumerable.Range(0, count).ToArray(); // the row in each line of the cache
        var next = First(decoder, lora, turn.Before, cache, temperature, generator);
        while (live.Length > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            List<int> kept = []; // lines that go on
            for (var line = 0; line < live.Length; line++)
            {
                var row = rows[live[line]];
                row.Add(next[line]);
                if (Ends(row, turn)) ended[live[line]] = true;
                else if (row.Count < maxTokens) kept.Add(line);
            }

            if (kept.Count > 0 && kept.Count < live.Length) cache.Keep(kept);
            live = [.. kept.Select(line => live[line])];
            if (live.Length > 0) next = Next(decoder, lora, [.. live.Select(row => rows[row][^1])], cache, temperature, generator);
        }

        // The end as the template writes it, whatever stood for its special tokens.
        return rows.Where((_, row) => ended[row]).Select(row => (int[])[.. row[..^turn.After.Length], .. turn.After]);
    }

    // What all begin with runs once.
    private static int[] First(Decoder decoder, LoraWeights? lora, int[] before, KeyValueCache cache, double temperature, Generator generator)
    {
        using var scope = NewDisposeScope();
        return Drawn(decoder, Prefill.Begin(decoder, lora, before, cache).expand(cache.Lengths.Count, -1), temperature, generator);
    }

    private static int[] Next(Decoder decoder, LoraWeights? lora, int[] last, KeyValueCache cache, double temperature, Generator generator)
    {
        using var scope = NewDisposeScope();
        return Drawn(decoder, decoder.HiddenCached(RightPadded.Batch([.. last.Select(id => (int[])[id])], decoder.Device), cache, lora, null), temperature, generator);
    }

    /// <summary>A token after each state, [B, D].</summary>
    private static int[] Drawn(Decoder decoder, Tensor hidden, double temperature, Generator generator)
    {
        var logits = decoder.Logits(hidden).to(float32).cpu(); // [B, V]
        return [.. multinomial(logits.div(temperature).softmax(-1), 1, true, generator).data<long>().Select(id => (int)id)];
    }

    // A base that never saw its special tokens has nearly one embedding for all of them and cannot tell one from another, nor from any other token it never saw: in a special token's place any will do,
    // where the ordinary ones around it say enough.
    private static bool Ends(List<int> row, UserTurn turn)
    {
        var lenient = turn.Special.Count(special => !special) >= LeastOrdinary;
        if (row.Count <= turn.Before.Length + turn.After.Length) return false;
        var end = CollectionsMarshal.AsSpan(row)[^turn.After.Length..];
        for (var t = 0; t < end.Length; t++)
        {
            if (end[t] != turn.After[t] && !(lenient && turn.Special[t])) return false;
        }

        return true;
    }
}
