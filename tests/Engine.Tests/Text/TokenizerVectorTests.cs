using System.Text.Json;
using ContinualService.TestKit;
using Xunit;

namespace ContinualService.Engine.Tests.Text;

/// <summary>Golden: ids and decoded text of the reference library.</summary>
public sealed class TokenizerVectorTests
{
    [Theory]
    [InlineData("llama2")]
    [InlineData("llama3")]
    [InlineData("gpt2")]
    public void Encode_ReferenceVectors_GivesTheSameIds(string name)
    {
        var tokenizer = TokenizerFixtures.Load($"conformance/tokenizers/{name}");
        var wrong = Vectors(name).Where(v => !tokenizer.Encode(v.Text).Ids.SequenceEqual(v.Ids)).Select(v => v.Name).ToList();
        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("llama2", false)]
    [InlineData("llama3", true)]
    [InlineData("gpt2", true)]
    public void Decode_ReferenceVectors_GivesTheSameText(string name, bool cleanedUp)
    {
        var tokenizer = TokenizerFixtures.Load($"conformance/tokenizers/{name}");
        foreach (var vector in Vectors(name))
        {
            var text = tokenizer.Decode(vector.Ids, skipSpecialTokens: false);
            // Two of the files were recorded with the option clean_up_tokenization_spaces, which their own configuration turns off.
            Assert.Equal(vector.Decoded, cleanedUp ? CleanUp(text) : text);
        }
    }

    private static string CleanUp(string text)
    {
        foreach (var (from, to) in new[] { (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" n't", "n't"), (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re") })
            text = text.Replace(from, to, StringComparison.Ordinal);
        return text;
    }

    private static List<(string Name, string Text, int[] Ids, string Decoded)> Vectors(string name)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Shared.Folder($"conformance/tokenizers/{name}/vectors.json")));
        var vectors = document.RootElement.EnumerateObject().Select(p => (
            p.Name, p.Value.GetProperty("text").GetString()!, p.Value.GetProperty("ids").EnumerateArray().Select(i => i.GetInt32()).ToArray(),
            p.Value.GetProperty("decoded").GetString()!)).ToList();
        Assert.True(vectors.Count > 20);
        return vectors;
    }
}
