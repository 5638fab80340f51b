using ContinualService.Engine.Models;
using ContinualService.Engine.Text;
using Xunit;

namespace ContinualService.Engine.Tests.Text;

public sealed class TokenizerRefusalTests
{
    [Theory]
    [InlineData("normalizer", """{"type":"Precompiled","precompiled_charsmap":""}""", "Precompiled")]
    [InlineData("normalizer", """{"type":"NFC","extra":1}""", "extra")]
    [InlineData("preTokenizer", """{"type":"BertPreTokenizer"}""", "BertPreTokenizer")]
    [InlineData("preTokenizer", """{"type":"Split","pattern":{"Regex":"("},"behavior":"Isolated","invert":false}""", "pattern")]
    [InlineData("preTokenizer", """{"type":"Split","pattern":{"String":"a"},"behavior":"Sideways","invert":false}""", "Sideways")]
    [InlineData("decoder", """{"type":"WordPiece","prefix":"##","cleanup":true}""", "WordPiece")]
    [InlineData("postProcessor", """{"type":"BertProcessing","sep":["a",1],"cls":["a",1]}""", "BertProcessing")]
    [InlineData("model", """{"type":"Unigram","vocab":[],"unk_id":0}""", "Unigram")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0},"merges":["a b"]}""", "not in the vocabulary")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0},"merges":[],"dropout":0.5}""", "dropout")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":-1},"merges":[]}""", "token id")]
    [InlineData("model", """{"type":"BPE","merges":7}""", "not a tokenizer file")]
    public void Parse_NotSupported_IsRefusedByName(string part, string json, string named)
    {
        var text = part switch
        {
            "normalizer" => TokenizerFixtures.Json(normalizer: json),
            "preTokenizer" => TokenizerFixtures.Json(preTokenizer: json),
            "decoder" => TokenizerFixtures.Json(decoder: json),
            "postProcessor" => TokenizerFixtures.Json(postProcessor: json),
            _ => TokenizerFixtures.Json(model: json),
        };
        var error = Assert.Throws<ModelFormatException>(() => Tokenizer.Parse(text, null));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_NoJson_IsRefused() => Assert.Throws<ModelFormatException>(() => Tokenizer.Parse("{", null));

    [Fact]
    public void Load_NoFile_NamesIt() =>
        Assert.Contains("tokenizer.json", Assert.Throws<ModelFormatException>(() => Tokenizer.Load("/no/such/folder")).Message, StringComparison.Ordinal);
}
