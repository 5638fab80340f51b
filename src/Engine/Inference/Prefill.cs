using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Inference;

/// <summary>
/// Prompts, run: their keys and values, and what follows their last tokens. The rows of one task begin alike (an instruction, the labels to choose from); what all of them begin
/// with runs once, however many rows there are.
/// </summary>
/// <param name="Cache">A row for each prompt, which holds just that. The caller's to dispose of.</param>
/// <param name="Last">[B, D]: the final hidden state of each prompt's last token. Belongs to the caller's dispose scope.</param>
internal sealed record Prefill(KeyValueCache Cache, Tensor Last)
{
    // A shorter beginning does not pay for a pass of its own, nor for a mask in place of plain causal attention.
    private const int LeastShared = 16;

    /// <summary>Runs them.</summary>
    /// <param name="decoder">The base.</param>
    /// <param name="lora">Null: none.</param>
    /// <param name="prompts">None of them empty.</param>
    /// <param name="room">Tokens that each row of the cache can take beyond the longest prompt.</param>
    public static Prefill Run(Decoder decoder, LoraWeights? lora, IReadOnlyList<int[]> prompts, int room)
    {
        var shared = Shared(prompts);
        var cache = new KeyValueCache(decoder, prompts.Count, prompts.Max(prompt => prompt.Length) + room);
        try
        {
            return new Prefill(cache, Fill(decoder, lora, prompts, shared, cache));
        }
        catch
        {
            // Whoever tries again with fewer rows needs its memory at once.
            cache.Dispose();
            throw;
        }
    }

    private static Tensor Fill(Decoder decoder, LoraWeights? lora, IReadOnlyList<int[]> prompts, int shared, KeyValueCache cache)
    {
        using var scope = NewDisposeScope();
        if (shared > 0)
        {
            using var first = cache.Part(0, 1);
            decoder.HiddenCached(RightPadded.Batch([prompts[0][..shared]], decoder.Device), first, lora, Index([0]));
            cache.Adopt(0, first);
            cache.Spread();
        }

        List<Tensor> last = [];
        for (var start = 0; start < prompts.Count; start += (int)last[^1].size(0)) last.Add(Pass(start));
        return cat(last, 0).MoveToOuterDisposeScope();

        // Few rows at a time: where rows of like length stand together, little of it is padding.
        Tensor Pass(int start)
        {
            using var pass = NewDisposeScope();
            int[][] rest = [.. Next(start)];
            using var part = cache.Part(start, rest.Length);
            var ids = RightPadded.Batch(rest, decoder.Device); // [b, T]
            var hidden = decoder.HiddenCached(ids, part, lora, Index(rest.Select((row, at) => (at * ids.shape[1]) + row.Length - 1))); // [b, D]
            part.Truncate([.. rest.Select(row => shared + row.Length)]);
            cache.Adopt(start, part);
            return hidden.MoveToOuterDisposeScope();
        }

        // The rows of a pass from this one on, without what is shared.
        IEnumerable<int[]> Next(int start)
        {
            var longest = 0;
            for (var row = start; row < prompts.Count; row++)
            {
                longest = Math.Max(longest, prompts[row].Length - shared);
                if (row > start && (row - start + 1L) * longest > ScoringSize.PassTokens(decoder.Device)) yield break;
                yield return prompts[row][shared..];
            }
        }

        Tensor Index(IEnumerable<long> places) => tensor([.. places], int64, decoder.Device);
    }

    /// <summary>How many tokens all prompts begin with and may run once: of the shortest all but its last, whose hidden state is asked for; 0 where it does not pay.</summary>
    internal static int Shared(IReadOnlyList<int[]> prompts)
    {
        if (prompts.Count < 2) return 0;
        var shared = prompts.Min(prompt => prompt.Length) - 1;
        foreach (var prompt in prompts.Skip(1)) shared = Math.Min(shared, prompts[0].AsSpan().CommonPrefixLength(prompt));
        return shared >= LeastShared ? shared : 0;
    }
}
