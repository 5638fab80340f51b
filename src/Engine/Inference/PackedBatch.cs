namespace ContinualService.Engine.Inference;

/// <summary>The tokens of one forward pass over many sequences, laid end to end: N in all. A sequence stands in it once, with one token or several.</summary>
public sealed class PackedBatch
{
    private readonly List<Piece> _pieces = [];
    private readonly List<long> _ids = [];

    /// <summary>Tokens <paramref name="Start"/> to <paramref name="Start"/> + <paramref name="Count"/> of the batch follow what <paramref name="Cache"/> holds.</summary>
    internal sealed record Piece(SequenceCache Cache, int Start, int Count)
    {
        /// <summary>Position of the first token in its sequence.</summary>
        public int From { get; } = Cache.Length;
    }

    /// <summary>N.</summary>
    public int Count => _ids.Count;

    /// <summary>Tokens of the longest sequence, those of this batch included.</summary>
    public int Longest { get; private set; }

    internal IReadOnlyList<Piece> Pieces => _pieces;

    /// <summary>Adds the next tokens of a sequence; its cache must have room for them.</summary>
    /// <returns>Where they begin in the batch.</returns>
    public int Add(SequenceCache cache, ReadOnlySpan<int> ids)
    {
        if (ids.IsEmpty) throw new ArgumentException("A sequence needs at least one token.", nameof(ids));
        if (cache.Length + ids.Length > cache.Capacity) throw new ArgumentException($"{cache.Length} + {ids.Length} tokens do not fit a cache of {cache.Capacity}.", nameof(cache));
        var start = _ids.Count;
        _pieces.Add(new Piece(cache, start, ids.Length));
        foreach (var id in ids) _ids.Add(id);
        Longest = Math.Max(Longest, cache.Length + ids.Length);
        return start;
    }

    internal long[] Ids() => [.. _ids];

    internal long IdAt(int index) => _ids[index];

    /// <summary>Each token's place in its own sequence.</summary>
    internal long[] Positions()
    {
        var positions = new long[_ids.Count];
        foreach (var piece in _pieces)
            for (var i = 0; i < piece.Count; i++) positions[piece.Start + i] = piece.From + i;
        return positions;
    }

    internal void Advance()
    {
        foreach (var piece in _pieces) piece.Cache.Advance(piece.Count);
    }
}
