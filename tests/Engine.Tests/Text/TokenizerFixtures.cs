using System.Collections.Concurrent;
using ContinualService.Engine.Text;
using ContinualService.TestKit;

namespace ContinualService.Engine.Tests.Text;

/// <summary>Tokenizers of the reference data, each read once, and small ones written here.</summary>
internal static class TokenizerFixtures
{
    private static readonly ConcurrentDictionary<string, Tokenizer> Loaded = new();

    public static Tokenizer Load(string relativePath)
    {
        var folder = Shared.Folder(relativePath);
        return Loaded.GetOrAdd(folder, Tokenizer.Load);
    }

    /// <summary>A byte-level BPE tokenizer of single letters with the components given as JSON.</summary>
    public static string Json(
        string normalizer = "null", string preTokenizer = "null", string decoder = "null", string postProcessor = "null", string added = "[]",
        string model = """{"type":"BPE","unk_token":"?","vocab":{"?":0,"a":1,"b":2,"c":3,"ab":4,"abc":5,"▁":6," ":7,"1":8,"\u00e9":9},"merges":["a b",["ab","c"]]}""") =>
        $$"""
        {"version":"1.0","truncation":null,"padding":null,"added_tokens":{{added}},"normalizer":{{normalizer}},
         "pre_tokenizer":{{preTokenizer}},"post_processor":{{postProcessor}},"decoder":{{decoder}},"model":{{model}}}
        """;

    /// <summary>Text that breaks tokenizers: emoji, joiners, marks, letters outside the basic plane, controls, lone surrogates.</summary>
    public static string OddText(Random random)
    {
        string[] parts =
        [
            "hello", " ", "  ", "\n", "\r\n", "\t", "don't", "I'LL", "1234567", "é", "e\u0301", "a\u0323\u0307", "😀", "👩\u200d👩\u200d👧", "🏴\U000e0067\U000e0062",
            "\U00010400\U00010401", "𝟘𝟙𝟚𝟛", "한국", "\u1112\u1161\u11ab", "中文字", "\u0000", "\u00a0", "\u200b", "ﬁ", "①", "...", "!?", "▁", "Ġ", "<0x41>",
            "\ud83d", "\ude00", "\U0001D15E", "\u0344", "İ", "<s>", "<|im_end|>", "<|eot_id|>", "x_y", "؟", "٣",
        ];
        return string.Concat(Enumerable.Range(0, random.Next(1, 24)).Select(_ => parts[random.Next(parts.Length)]));
    }

    /// <summary>The text that encoding sees: unpaired surrogates are U+FFFD.</summary>
    public static string Paired(string text) => System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));
}
