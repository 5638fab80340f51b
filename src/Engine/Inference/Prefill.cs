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
        var cache = new KeyValueCache(decoder, shared > 0 ? 1 : prompts.Count, prompts.Max(prompt => prompt.Length) + room);
        try
        {
            return Run(decoder, lora, prompts, shared, cache);
        }
        catch
        {
            // Whoever tries again with fewer rows needs its memory at once.
            cache.Dispose();
            throw;
        }
    }

    private static Prefill Run(Decoder decoder, LoraWeights? lora, IReadOnlyList<int[]> prompts, int shared, KeyValueCache cache)
    {
        using var scope = NewDisposeScope();
        if (shared > 0)
        {
            decoder.HiddenCached(RightPadded.Batch([prompts[0][..shared]], decoder.Device), cache, lora).Dispose();
            cache.Keep([.. Enumerable.Repeat(0, prompts.Count)]);
        }

        var ids = RightPadded.Batch(shared > 0 ? [.. prompts.Select(prompt => prompt[shared..])] : prompts, decoder.Device); // [B, T]
        var hidden = decoder.HiddenCached(ids, cache, lora); // [B, T, D]
        cache.Truncate([.. prompts.Select(prompt => prompt.Length)]);
        var last = tensor(prompts.Select((prompt, row) => row * ids.shape[1] + prompt.Length - shared - 1).ToArray(), int64, decoder.Device); // [B]
        return new Prefill(cache, hidden.flatten(0, 1).index_select(0, last).MoveToOuterDisposeScope());
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
