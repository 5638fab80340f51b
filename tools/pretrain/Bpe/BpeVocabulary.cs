using System.Text;
using System.Text.RegularExpressions;

namespace ContinualService.Pretrain.Bpe;

/// <summary>
/// A byte-level BPE vocabulary: ids 0-4 are the special tokens, then come the 256 bytes, then one token per merge in the order of learning.
/// </summary>
internal sealed class BpeVocabulary
{
    public const int Pad = 0, Bos = 1, Eos = 2, TurnStart = 3, TurnEnd = 4;
    public const int FirstByte = 5;
    public static readonly string[] Specials = ["<|pad|>", "<|bos|>", "<|eos|>", "<|im_start|>", "<|im_end|>"];

    /// <summary>Words with the space before them, single digits (numbers are copied digit by digit), punctuation, white space.</summary>
    public const string SplitPattern = @"'\p{L}{1,2}(?!\p{L})| ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    private static readonly Regex Splitter = new(SplitPattern, RegexOptions.Compiled | RegexOptions.CultureInvariant);
    private readonly Dictionary<(int Left, int Right), int> _ranks = [];
    private readonly Dictionary<string, int[]> _known = new(StringComparer.Ordinal);

    public BpeVocabulary(IReadOnlyList<(int Left, int Right)> merges)
    {
        Merges = merges;
        for (var i = 0; i < merges.Count; i++) _ranks.Add(merges[i], i);
    }

    public IReadOnlyList<(int Left, int Right)> Merges { get; }

    public int Size => FirstByte + 256 + Merges.Count;

    public static IEnumerable<string> Split(string text) => Splitter.Matches(text).Select(match => match.Value);

    public static List<int> Bytes(string word) => [.. Encoding.UTF8.GetBytes(word).Select(value => FirstByte + value)];

    /// <summary>The ids of a text without special tokens.</summary>
    public List<int> Encode(string text)
    {
        var ids = new List<int>();
        foreach (var word in Split(text))
        {
            if (!_known.TryGetValue(word, out var known))
            {
                known = EncodeWord(word);
                if (_known.Count < 200_000) _known.Add(word, known); // rare numbers and names must not fill the memory
            }

            ids.AddRange(known);
        }

        return ids;
    }

    /// <summary>The text of a token in the byte alphabet, as tokenizer.json spells it.</summary>
    public string Spell(int id) => id switch
    {
        < FirstByte => Specials[id],
        < FirstByte + 256 => ByteAlphabet.Of((byte)(id - FirstByte)).ToString(),
        _ => Spell(Merges[id - FirstByte - 256].Left) + Spell(Merges[id - FirstByte - 256].Right),
    };

    private int[] EncodeWord(string word)
    {
        var ids = Bytes(word);
        while (ids.Count > 1)
        {
            var best = int.MaxValue;
            for (var i = 0; i + 1 < ids.Count; i++) best = Math.Min(best, _ranks.GetValueOrDefault((ids[i], ids[i + 1]), int.MaxValue));
            if (best == int.MaxValue) break;
            BpeTrainer.Merge(ids, Merges[best], FirstByte + 256 + best);
        }

        return [.. ids];
    }
}
