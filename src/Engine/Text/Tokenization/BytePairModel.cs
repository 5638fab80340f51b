using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace ContinualService.Engine.Text.Tokenization;

/// <summary>What a BPE model is made of; ranks are the positions in <paramref name="Merges"/>.</summary>
internal sealed record BytePairSettings(
    Dictionary<string, int> Vocabulary,
    Dictionary<(int Left, int Right), (int Rank, int Merged)> Merges,
    int? UnknownId,
    bool FuseUnknown,
    bool ByteFallback,
    bool IgnoreMerges);

/// <summary>
/// Byte pair encoding of one pre-token: repeatedly joins the pair of lowest rank, leftmost first (Sennrich et al. 2016,
/// arXiv:1508.07909), with a heap over a linked list, so that a word of n chars costs n log n.
/// </summary>
internal sealed class BytePairModel
{
    // Words repeat; long ones hardly ever do, and would make the cache heavy.
    private const int CachedWords = 50_000, CachedWordLength = 64;

    private readonly BytePairSettings _settings;
    private readonly int[] _charIds = new int[0x10000];
    private readonly int[]? _byteIds;
    private readonly ConcurrentDictionary<string, Part[]> _cache = new();
    private int _cached;

    public BytePairModel(BytePairSettings settings)
    {
        _settings = settings;
        Array.Fill(_charIds, -1);
        foreach (var (token, id) in settings.Vocabulary)
        {
            if (token.Length == 1)
                _charIds[token[0]] = id;
        }

        if (settings.ByteFallback)
        {
            _byteIds = [.. Enumerable.Range(0, 256).Select(b =>
                settings.Vocabulary.GetValueOrDefault(string.Create(CultureInfo.InvariantCulture, $"<0x{b:X2}>"), -1))];
        }
    }

    /// <summary>One token: its id and the chars of the word that it covers; the bytes of one char all cover that char.</summary>
    internal readonly record struct Part(int Id, int Start, int End);

    public Part[] Encode(string word)
    {
        if (word.Length == 0)
            return [];
        if (_settings.IgnoreMerges && _settings.Vocabulary.TryGetValue(word, out var whole))
            return [new Part(whole, 0, word.Length)];
        if (word.Length > CachedWordLength)
            return Merge(Split(word));
        if (_cache.TryGetValue(word, out var parts))
            return parts;
        parts = Merge(Split(word));
        if (Volatile.Read(ref _cached) < CachedWords && _cache.TryAdd(word, parts))
            Interlocked.Increment(ref _cached);
        return parts;
    }

    private List<Part> Split(string word)
    {
        var parts = new List<Part>(word.Length);
        var lookup = _settings.Vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        var unknownRun = false;
        Span<byte> utf8 = stackalloc byte[4];
        for (var i = 0; i < word.Length;)
        {
            var rune = Rune.GetRuneAt(word, i);
            var end = i + rune.Utf16SequenceLength;
            var id = rune.IsBmp ? _charIds[word[i]] : lookup.TryGetValue(word.AsSpan(i, 2), out var found) ? found : -1;
            var wasUnknown = unknownRun;
            unknownRun = false;
            if (id >= 0)
            {
                parts.Add(new Part(id, i, end));
            }
            else if (!TryAddBytes(utf8[..rune.EncodeToUtf8(utf8)], i, end, parts) && _settings.UnknownId is { } unknown)
            {
                unknownRun = true;
                if (wasUnknown && _settings.FuseUnknown)
                    parts[^1] = parts[^1] with { End = end };
                else
                    parts.Add(new Part(unknown, i, end));
            }

            i = end;
        }

        return parts;
    }

    private bool TryAddBytes(ReadOnlySpan<byte> bytes, int start, int end, List<Part> parts)
    {
        if (_byteIds is null)
            return false;
        foreach (var value in bytes)
        {
            if (_byteIds[value] < 0)
                return false;
        }

        foreach (var value in bytes)
            parts.Add(new Part(_byteIds[value], start, end));
        return true;
    }

    private Part[] Merge(List<Part> symbols)
    {
        var count = symbols.Count;
        var parts = symbols.ToArray();
        if (count < 2)
            return parts;
        var next = new int[count];
        var previous = new int[count];
        var alive = new bool[count];
        var queue = new PriorityQueue<(int Left, int Merged), long>(count);
        for (var i = 0; i < count; i++)
            (next[i], previous[i], alive[i]) = (i + 1 < count ? i + 1 : -1, i - 1, true);
        for (var i = 0; i + 1 < count; i++)
            Offer(i);

        while (queue.TryDequeue(out var best, out _))
        {
            var left = best.Left;
            // Stale: one of the two has been joined with another symbol since this pair was offered.
            if (!alive[left] || next[left] < 0
                || !_settings.Merges.TryGetValue((parts[left].Id, parts[next[left]].Id), out var merge) || merge.Merged != best.Merged)
                continue;
            var right = next[left];
            parts[left] = new Part(best.Merged, parts[left].Start, parts[right].End);
            alive[right] = false;
            next[left] = next[right];
            if (next[right] >= 0)
                previous[next[right]] = left;
            if (previous[left] >= 0)
                Offer(previous[left]);
            if (next[left] >= 0)
                Offer(left);
        }

        return [.. Enumerable.Range(0, count).Where(i => alive[i]).Select(i => parts[i])];

        void Offer(int left)
        {
            if (_settings.Merges.TryGetValue((parts[left].Id, parts[next[left]].Id), out var merge))
                queue.Enqueue((left, merge.Merged), ((long)merge.Rank << 32) | (uint)left);
        }
    }
}
