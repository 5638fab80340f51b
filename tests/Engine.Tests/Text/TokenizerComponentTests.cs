using ContinualService.Engine.Text;
using ContinualService.Engine.Text.Tokenization;
using Xunit;

namespace ContinualService.Engine.Tests.Text;

public sealed class TokenizerComponentTests
{
    [Fact]
    public void Encode_Merges_JoinsByRank()
    {
        var tokenizer = Tokenizer.Parse(TokenizerFixtures.Json(), null);
        Assert.Equal([5, 4, 1, 0, 0], tokenizer.Encode("abcaba😀z").Ids);
    }

    [Fact]
    public void Encode_FuseUnknown_JoinsTheRun()
    {
        var tokenizer = Tokenizer.Parse(
            TokenizerFixtures.Json(model: """{"type":"BPE","unk_token":"?","fuse_unk":true,"vocab":{"?":0,"a":1},"merges":[]}"""), null);
        var encoded = tokenizer.Encode("axya");
        Assert.Equal([1, 0, 1], encoded.Ids);
        Assert.Equal((1, 3), encoded.Offsets[1]);
    }

    [Fact]
    public void Encode_Llama2_PutsThePrefixAfterEverySpecialToken()
    {
        var tokenizer = TokenizerFixtures.Load("conformance/tokenizers/llama2");
        // "How" after </s> is the same word as "How" at the start: "▁How".
        var ids = tokenizer.Encode("How</s>How", addSpecialTokens: false).Ids;
        Assert.Equal([1128, 2, 1128], ids);
    }

    [Theory]
    [InlineData("conformance/models/qwen2", "<|im_end|>")]
    [InlineData("conformance/models/llama3", "<|eot_id|>")]
    [InlineData("conformance/models/llama2", "</s>")]
    [InlineData("models/bench-llama", "<|im_end|>")]
    public void Encode_SpecialTextInContent_IsPlainUnlessAskedFor(string folder, string special)
    {
        var tokenizer = TokenizerFixtures.Load(folder);
        var id = tokenizer.IdOf(special)!.Value;
        Assert.True(tokenizer.IsSpecial(id));
        Assert.Contains(special, tokenizer.SpecialTokenTexts);
        Assert.Single(tokenizer.Encode($"a{special}b").Ids, id);
        var plain = tokenizer.Encode($"a{special}b", addSpecialTokens: false, parseSpecialTokens: false).Ids;
        Assert.DoesNotContain(plain, tokenizer.IsSpecial);
        Assert.Equal($"a{special}b", tokenizer.Decode(plain, skipSpecialTokens: true));
    }

    [Theory]
    [InlineData("""{"single_word":true}""", "a<x>b <x>", "1,0,0,0,2,7,20")]
    [InlineData("""{"lstrip":true}""", "a  <x> b", "1,20,7,2")]
    [InlineData("""{"rstrip":true}""", "a <x>  b", "1,7,20,2")]
    [InlineData("""{}""", "<x><xx>a", "20,21,1")]
    public void Encode_AddedToken_FollowsItsFlags(string flags, string text, string expected)
    {
        var one = flags.Length > 2 ? flags[1..^1] + "," : "";
        var added = $$"""[{ {{one}} "id":20,"content":"<x>","special":true},{"id":21,"content":"<xx>","special":true}]""";
        var tokenizer = Tokenizer.Parse(TokenizerFixtures.Json(added: added), null);
        Assert.Equal(expected, string.Join(',', tokenizer.Encode(text).Ids));
    }

    [Fact]
    public void Encode_NormalizedAddedToken_IsLookedForInNormalizedText()
    {
        var json = TokenizerFixtures.Json(
            normalizer: """{"type":"Lowercase"}""", added: """[{"id":20,"content":"ABC","special":false,"normalized":true}]""");
        Assert.Equal([1, 20], Tokenizer.Parse(json, null).Encode("AaBc").Ids);
    }

    [Theory]
    [InlineData("Isolated", false, "a|-|-|b|-|c")]
    [InlineData("Removed", false, "a|b|c")]
    [InlineData("Removed", true, "-|-|-")]
    [InlineData("MergedWithPrevious", false, "a-|-|b-|c")]
    [InlineData("MergedWithNext", false, "a|-|-b|-c")]
    [InlineData("Contiguous", false, "a|--|b|-|c")]
    public void Split_Behavior_PlacesTheDelimiter(string behavior, bool invert, string expected)
    {
        const string text = "a--b-c";
        var pieces = SplitRule.Apply(TextPattern.OfLiteral("-").Matches(text), text.Length, Enum.Parse<SplitBehavior>(behavior), invert);
        Assert.Equal(expected, string.Join('|', pieces.Select(p => text[p.Start..p.End])));
    }

    [Theory]
    [InlineData(@"\p{L}+", "a𐐀𐐁1", "a𐐀𐐁")]
    [InlineData(@"\p{N}{1,3}", "𝟘𝟙𝟚𝟛", "𝟘𝟙𝟚|𝟛")]
    [InlineData(@"[^\s\p{L}\p{N}]+", "a😀! 𝟘", "😀!")]
    [InlineData(@"[^\r\n\p{L}\p{N}]?+\p{L}+", "😀ab", "😀ab")]
    [InlineData(@"a++b|a", "aab aa", "aab|a|a")]
    [InlineData(@"\p{N}{2}+", "12345", "1234")]
    [InlineData(@"(?i:'s)", "x'S", "'S")]
    [InlineData(@"\s+(?!\S)|\s+", "a  b ", " | | ")]
    [InlineData(@"\x{61}", "ba", "a")]
    public void Matches_ByCodePoint_AsOniguruma(string pattern, string text, string expected) =>
        Assert.Equal(expected, string.Join('|', TextPattern.OfRegex(pattern).Matches(text).Select(m => text[m.Start..m.End])));

    [Theory]
    [InlineData("[a[b]]")]
    [InlineData("[a-z&&b]")]
    [InlineData(@"\h+")]
    [InlineData("😀")]
    [InlineData(@"\p{Han}")]
    public void OfRegex_NoFaithfulTranslation_Throws(string pattern) => Assert.ThrowsAny<ArgumentException>(() => TextPattern.OfRegex(pattern));

    [Theory]
    [InlineData("first", "a b<x>a", "6,1,6,2,20,1")]
    [InlineData("always", "a b<x>a", "6,1,6,2,20,6,1")]
    [InlineData("never", "a b", "1,6,2")]
    public void Metaspace_PrependScheme_SaysWhereThePrefixGoes(string scheme, string text, string expected)
    {
        var json = TokenizerFixtures.Json(
            preTokenizer: $$"""{"type":"Metaspace","replacement":"▁","prepend_scheme":"{{scheme}}","split":true}""",
            decoder: $$"""{"type":"Metaspace","replacement":"▁","prepend_scheme":"{{scheme}}","split":true}""",
            added: """[{"id":20,"content":"<x>","special":true}]""");
        var tokenizer = Tokenizer.Parse(json, null);
        Assert.Equal(expected, string.Join(',', tokenizer.Encode(text).Ids));
        Assert.Equal("a b", tokenizer.Decode(tokenizer.Encode("a b").Ids, skipSpecialTokens: true));
    }

    [Theory]
    [InlineData("NFC", "e\u0301", "\u00e9")]
    [InlineData("NFC", "a\u0307\u0323", "\u1ea1\u0307")]
    [InlineData("NFC", "\u1112\u1161\u11ab", "\ud55c")]
    [InlineData("NFD", "\ud55c\u00e9", "\u1112\u1161\u11abe\u0301")]
    [InlineData("NFC", "\U0001D15E", "\U0001D157\U0001D165")]
    [InlineData("NFKC", "ﬁ①", "fi1")]
    [InlineData("NFKD", "ﬁé", "fie\u0301")]
    [InlineData("NFC", "ﬁ①", "ﬁ①")]
    [InlineData("NFC", "a\u0305\u0301", "a\u0305\u0301")]
    [InlineData("NFC", "\u0958", "\u0915\u093c")]
    [InlineData("NFC", "a\u0315\u0300\u05ae\u0300b", "\u00e0\u05ae\u0300\u0315b")]
    public void Normalize_Form_FollowsTheStandard(string form, string text, string expected) => Assert.Equal(
        expected,
        UnicodeNormalizer.Apply(new AlignedText(text), form.Contains('K', StringComparison.Ordinal), form.EndsWith('C')).Text);

    [Fact]
    public void Encode_NoPostProcessor_FollowsTheConfiguration()
    {
        var json = TokenizerFixtures.Json(added: """[{"id":20,"content":"<s>","special":true},{"id":21,"content":"</s>","special":true}]""");
        var tokenizer = Tokenizer.Parse(json, """{"bos_token":{"content":"<s>"},"eos_token":"</s>","add_bos_token":true,"add_eos_token":true}""");
        Assert.Equal([20, 1, 21], tokenizer.Encode("a").Ids);
        Assert.Equal([1], tokenizer.Encode("a", addSpecialTokens: false).Ids);
        Assert.Equal((20, 21), (tokenizer.BosId, tokenizer.EosId));
    }

    [Fact]
    public void TokenBytes_PartOfAChar_IsTheRawByte()
    {
        Assert.Equal([0xF0], TokenizerFixtures.Load("conformance/tokenizers/llama2").TokenBytes(243));
        var gpt2 = TokenizerFixtures.Load("conformance/tokenizers/gpt2");
        Assert.Equal([0xE7, 0x9A, 0x84], gpt2.TokenBytes(21410));
        Assert.Equal(" are", gpt2.TokenText(389));
        Assert.Equal(" How", TokenizerFixtures.Load("conformance/tokenizers/llama2").TokenText(1128));
    }

    [Fact]
    public void Append_IncompleteChar_IsHeldBack()
    {
        var tokenizer = TokenizerFixtures.Load("conformance/tokenizers/gpt2");
        var stream = new TextStream(tokenizer);
        var pieces = tokenizer.Encode("a😀b").Ids.Select(stream.Append).ToList();
        Assert.DoesNotContain(pieces, p => p.Contains('\uFFFD', StringComparison.Ordinal));
        Assert.Equal("a😀b", string.Concat(pieces) + stream.Flush());
    }
}
