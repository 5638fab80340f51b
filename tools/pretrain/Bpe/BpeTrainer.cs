using System.Runtime.InteropServices;

namespace ContinualService.Pretrain.Bpe;

/// <summary>Learns byte-pair merges from texts (Sennrich et al. 2016): the most frequent neighbours become one token, again and again.</summary>
internal static class BpeTrainer
{
    /// <summary>Learns until the vocabulary has <paramref name="size"/> tokens, or no pair occurs twice.</summary>
    public static BpeVocabulary Train(IEnumerable<string> texts, int size)
    {
        // Step 1: count the different words; merges never cross a word's border.
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var text in texts)
            foreach (var word in BpeVocabulary.Split(text))
                CollectionsMarshal.GetValueRefOrAddDefault(counts, word, out _)++;
        var words = counts.OrderBy(word => word.Key, StringComparer.Ordinal).Select(word => (Ids: BpeVocabulary.Bytes(word.Key), Count: word.Value)).ToList();

        // Step 2: count the pairs and remember which words hold each.
        var pairs = new Dictionary<(int, int), int>();
        var holders = new Dictionary<(int, int), HashSet<int>>();
        for (var word = 0; word < words.Count; word++) Count(words[word].Ids, words[word].Count, word, pairs, holders);

        // Step 3: merge the most frequent pair; of equals the one with the smallest ids, so that the result is the same on every run.
        var merges = new List<(int Left, int Right)>();
        while (BpeVocabulary.FirstByte + 256 + merges.Count < size && pairs.Count > 0)
        {
            var best = pairs.MaxBy(pair => (pair.Value, -pair.Key.Item1, -pair.Key.Item2));
            if (best.Value < 2) break;
            var merged = BpeVocabulary.FirstByte + 256 + merges.Count;
            merges.Add(best.Key);
            foreach (var word in holders[best.Key].ToList())
            {
                Count(words[word].Ids, -words[word].Count, word, pairs, holders);
                Merge(words[word].Ids, best.Key, merged);
                Count(words[word].Ids, words[word].Count, word, pairs, holders);
            }

            pairs.Remove(best.Key);
        }

        return new BpeVocabulary(merges);
    }

    /// <summary>Replaces every occurrence of the pair by the merged token, from left to right.</summary>
    public static void Merge(List<int> ids, (int Left, int Right) pair, int merged)
    {
        var kept = 0;
        for (var i = 0; i < ids.Count; i++)
        {
            var found = i + 1 < ids.Count && ids[i] == pair.Left && ids[i + 1] == pair.Right;
            ids[kept++] = found ? merged : ids[i];
            if (found) i++;
        }

        ids.RemoveRange(kept, ids.Count - kept);
    }

    private static void Count(List<int> ids, int weight, int word, Dictionary<(int, int), int> pairs, Dictionary<(int, int), HashSet<int>> holders)
    {
        for (var i = 0; i + 1 < ids.Count; i++)
        {
            var pair = (ids[i], ids[i + 1]);
            ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(pairs, pair, out _);
            count += weight;
            if (weight < 0) continue;
            if (!holders.TryGetValue(pair, out var held)) holders.Add(pair, held = []);
            held.Add(word);
        }
    }
}
