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

    /// <summary>Runs what all rows of an empty cache begin with, once.</summary>
    /// <returns>[1, D]: the final hidden state of its last token. Belongs to the caller's dispose scope.</returns>
    public static Tensor Begin(Decoder decoder, LoraWeights? lora, int[] beginning, KeyValueCache cache)
    {
        using var first = cache.Part(0, 1);
        using var scope = NewDisposeScope();
        var hidden = decoder.HiddenCached(RightPadded.Batch([beginning], decoder.Device), first, lora, tensor([beginning.Length - 1L], int64, decoder.Device));
        cache.Adopt(0, first);
        cache.Spread();
        return hidden.MoveToOuterDisposeScope();
    }

    private static Tensor Fill(Decoder decoder, LoraWeights? lora, IReadOnlyList<int[]> prompts, int shared, KeyValueCache cache)
    {
        using var scope = NewDisposeScope();
        if (shared > 0) Begin(decoder, lora, prompts[0][..shared], cache);
        int[][] rests = [.. prompts.Select(prompt => prompt[shared..])];
        // Few rows at a time: where rows of like length stand together, little of it is padding.
        var passes = RightPadded.Runs([.. rests.Select(rest => rest.Length)], prompts.Count, ScoringSize.PassTokens(decoder.OnCpu));
        return cat([.. passes.Select(Pass)], 0).MoveToOuterDisposeScope();

        Tensor Pass(Range rows)
        {
            using var pass = NewDisposeScope();
            var (start, rest) = (rows.Start.Value, rests[rows]);
            using var part = cache.Part(start, rest.Length);
            var ids = RightPadded.Batch(rest, decoder.Device); // [b, T]
            var last = tensor(rest.Select((row, at) => (at * ids.shape[1]) + row.Length - 1).ToArray(), int64, decoder.Device); // [b]
            var hidden = decoder.HiddenCached(ids, part, lora, last); // [b, D]
            part.Truncate([.. rest.Select(row => shared + row.Length)]);
            cache.Adopt(start, part);
            return hidden.MoveToOuterDisposeScope();
        }
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
