using ContinualService.Engine.Kernels;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;

namespace ContinualService.Engine.Inference.Batching;

/// <summary>The sequences that run, and what they hold: adapter slots, and memory for keys and values out of one budget. Belongs to the engine's thread.</summary>
internal sealed class BatchRows(Decoder decoder, BatchOptions options, CpuKernels? kernels) : IDisposable
{
    // Memory is given in steps of this many tokens, so that an answer's cache is not copied for each of them.
    private const int Chunk = 64;
    private readonly List<RunningSequence> _running = []; // in the order of admission
    private readonly PrefixCache _prefixes = new();
    private readonly LoraTable _table = new(decoder, options.MaxAdapters, kernels);

    public IReadOnlyList<RunningSequence> Running => _running;

    public LoraTable Table => _table;

    public bool HasPlace => _running.Count < options.MaxRows;

    public long CacheTokens => _prefixes.Tokens + _running.Sum(sequence => (long)sequence.Cache!.Capacity);

    /// <summary>Gives a waiting sequence a place, a slot and memory.</summary>
    /// <returns>False where it has to wait for one of them.</returns>
    /// <exception cref="ModelFormatException">Its adapter cannot be served.</exception>
    public bool TryAdmit(RunningSequence sequence)
    {
        if (IsReadByNeighbour(sequence)) return false;
        LoraSlot? slot = null;
        if (sequence.Request.Adapter is { } adapter && (slot = _table.Acquire(adapter.Digest, adapter.Weights)) is null) return false;
        if (Prepare(sequence) is not { } cache)
        {
            if (slot is not null) _table.Release(slot);
            return false;
        }

        (sequence.Cache, sequence.Slot) = (cache, slot);
        _running.Add(sequence);
        return true;
    }

    /// <summary>
    /// Makes room for every sequence's next token. Where the budget is used up the sequences admitted last give theirs back: they are returned, without a cache,
    /// and have to be admitted again. The oldest always goes on, so that all of them end.
    /// </summary>
    public List<RunningSequence> Grow()
    {
        var returned = new List<RunningSequence>();
        for (var index = 0; index < _running.Count; index++)
        {
            var sequence = _running[index];
            while (!MakeRoom(sequence.Cache!, sequence.Length, spared: null))
            {
                var last = _running[^1];
                Release(last).Dispose();
                returned.Add(last);
                if (ReferenceEquals(last, sequence)) break;
            }
        }

        return returned;
    }

    /// <summary>Takes a sequence out.</summary>
    /// <param name="keep">Whether what it computed may serve others that begin alike.</param>
    public void Remove(RunningSequence sequence, bool keep)
    {
        var cache = Release(sequence);
        if (keep) _prefixes.Add(sequence.Request.CacheKey, sequence.Tokens[..cache.Length].ToArray(), cache);
        else cache.Dispose();
    }

    public void Dispose()
    {
        foreach (var sequence in _running) sequence.Cache!.Dispose();
        _prefixes.Dispose();
        _table.Dispose();
    }

    /// <summary>Whether a neighbour is just now computing the beginning of this one's tokens: waiting for it computes them once.</summary>
    private bool IsReadByNeighbour(RunningSequence sequence)
    {
        if (sequence.ScoresPrompt) return false;
        foreach (var other in _running)
        {
            if (other.Pending <= 1 || other.Request.CacheKey != sequence.Request.CacheKey) continue;
            if (other.Tokens.CommonPrefixLength(sequence.Tokens) >= other.Cache!.Length + Chunk) return true;
        }

        return false;
    }

    /// <summary>A cache with room for what is there and one more, and with the beginning that others have computed; null where memory lacks.</summary>
    private SequenceCache? Prepare(RunningSequence sequence)
    {
        var cache = new SequenceCache(decoder);
        var donor = sequence.ScoresPrompt ? null : Donor(sequence);
        if (donor is { } found && MakeRoom(cache, sequence.Length, found.Cache))
        {
            cache.CopyFrom(found.Cache, found.Length);
            return cache;
        }

        return MakeRoom(cache, sequence.Length, spared: null) ? cache : null;
    }

    /// <summary>Who holds the longest beginning of a sequence. Its last token always goes through the model: the next one is chosen from its logits.</summary>
    private (SequenceCache Cache, int Length)? Donor(RunningSequence sequence)
    {
        var key = sequence.Request.CacheKey;
        var tokens = sequence.Tokens[..^1];
        var best = _prefixes.Find(key, tokens);
        foreach (var other in _running)
        {
            if (other.Request.CacheKey != key) continue;
            var common = Math.Min(other.Cache!.Length, other.Tokens.CommonPrefixLength(tokens));
            if (common >= PrefixCache.LeastTokens && common > (best?.Length ?? 0)) best = (other.Cache, common);
        }

        return best;
    }

    /// <summary>Grows a cache to hold <paramref name="tokens"/>, at the expense of finished sequences, but not of <paramref name="spared"/>.</summary>
    private bool MakeRoom(SequenceCache cache, int tokens, SequenceCache? spared)
    {
        if (tokens <= cache.Capacity) return true;
        var generous = Math.Max((tokens + Chunk - 1) / Chunk * Chunk, cache.Capacity * 3 / 2);
        while (CacheTokens + generous - cache.Capacity > options.CacheTokens && _prefixes.DropOldest(spared)) { }
        foreach (var capacity in (int[])[generous, tokens])
        {
            if (CacheTokens + capacity - cache.Capacity > options.CacheTokens) continue;
            cache.Reserve(capacity);
            return true;
        }

        return false;
    }

    private SequenceCache Release(RunningSequence sequence)
    {
        _running.Remove(sequence);
        if (sequence.Slot is { } slot) _table.Release(slot);
        var cache = sequence.Cache!;
        (sequence.Slot, sequence.Cache) = (null, null);
        return cache;
    }
}
