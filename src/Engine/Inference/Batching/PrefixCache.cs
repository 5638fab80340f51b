namespace ContinualService.Engine.Inference.Batching;

/// <summary>
/// Keys and values of finished sequences: one that begins with the same tokens, for the same owner and the same weights, takes them over instead of computing them.
/// Least recently used out first. Owns its caches. Not thread-safe.
/// </summary>
internal sealed class PrefixCache : IDisposable
{
    // Below this, copying saves nothing worth the search.
    public const int LeastTokens = 16;

    private readonly LinkedList<Entry> _entries = []; // most recently used first

    private sealed record Entry(string Key, int[] Tokens, SequenceCache Cache);

    /// <summary>Tokens that the entries have room for.</summary>
    public long Tokens { get; private set; }

    /// <summary>The cache that holds the longest beginning of <paramref name="tokens"/> under <paramref name="key"/>, and how many tokens of it are theirs.</summary>
    public (SequenceCache Cache, int Length)? Find(string key, ReadOnlySpan<int> tokens)
    {
        LinkedListNode<Entry>? best = null;
        var longest = LeastTokens - 1;
        for (var node = _entries.First; node is not null; node = node.Next)
        {
            if (node.Value.Key != key) continue;
            var common = node.Value.Tokens.AsSpan().CommonPrefixLength(tokens);
            if (common > longest) (best, longest) = (node, common);
        }

        if (best is null) return null;
        _entries.Remove(best);
        _entries.AddFirst(best);
        return (best.Value.Cache, longest);
    }

    /// <summary>Keeps what a sequence computed: <paramref name="tokens"/> are those that <paramref name="cache"/> holds. Takes ownership.</summary>
    public void Add(string key, int[] tokens, SequenceCache cache)
    {
        for (var node = _entries.First; node is not null;)
        {
            var next = node.Next;
            if (node.Value.Key == key)
            {
                var common = node.Value.Tokens.AsSpan().CommonPrefixLength(tokens);
                if (common == tokens.Length)
                {
                    // All of it is there already.
                    cache.Dispose();
                    return;
                }

                if (common == node.Value.Tokens.Length) Remove(node);
            }

            node = next;
        }

        if (tokens.Length < LeastTokens)
        {
            cache.Dispose();
            return;
        }

        _entries.AddFirst(new Entry(key, tokens, cache));
        Tokens += cache.Capacity;
    }

    /// <summary>Drops the entry unused for longest, but not <paramref name="spared"/>.</summary>
    /// <returns>Whether there was one.</returns>
    public bool DropOldest(SequenceCache? spared)
    {
        for (var node = _entries.Last; node is not null; node = node.Previous)
        {
            if (ReferenceEquals(node.Value.Cache, spared)) continue;
            Remove(node);
            return true;
        }

        return false;
    }

    public void Dispose()
    {
        while (_entries.First is { } node) Remove(node);
    }

    private void Remove(LinkedListNode<Entry> node)
    {
        _entries.Remove(node);
        Tokens -= node.Value.Cache.Capacity;
        node.Value.Cache.Dispose();
    }
}
