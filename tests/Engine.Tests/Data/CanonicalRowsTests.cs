using System.Text;
using ContinualService.Engine.Data;
using CsCheck;
using Xunit;

namespace ContinualService.Engine.Tests.Data;

public sealed class CanonicalRowsTests
{
    [Fact]
    public void Serialize_SameRowsInOtherSpelling_GivesSameDigest()
    {
        var first = TaskFileParser.Parse("""{"prompt":"Gr\u00fc\u00dfe \ud83d\ude00 <b>","completion":"\"A\"\n"}"""u8.ToArray(), "");
        var second = TaskFileParser.Parse("""{ "answer" : "\u0022A\u0022\u000a", "prompt" : "Grüße 😀 \u003cb\u003e" }"""u8.ToArray(), "");
        Assert.Equal(Digest(first), Digest(second));
        Assert.NotEqual(Digest(first), CanonicalRows.Sha256(CanonicalRows.Serialize([TaskExample.FromPrompt(null, "Q", "A")])));
    }

    [Fact]
    public void Serialize_OneRow_IsTheseBytes()
    {
        var bytes = CanonicalRows.Serialize([TaskExample.FromPrompt("s", "q", "a", ["b"]), TaskExample.FromText("t")]);
        Assert.Equal(
            """
            {"messages":[{"role":"system","content":"s"},{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"references":["b"]}
            {"text":"t"}

            """.ReplaceLineEndings("\n"),
            Encoding.UTF8.GetString(bytes));
    }

    [Fact]
    public void Deserialize_AnyText_ComesBackEqual()
    {
        Gen.Select(WellFormed, WellFormed, WellFormed.List[0, 3], Gen.Bool).Sample((question, answer, references, flat) =>
        {
            var example = flat ? TaskExample.FromText(question) : TaskExample.FromPrompt(null, question, answer, references);
            var bytes = CanonicalRows.Serialize([example, example]);
            var back = CanonicalRows.Deserialize(bytes);
            Assert.Equal([example, example], back);
            Assert.Equal(bytes, CanonicalRows.Serialize(back));
            Assert.Equal(example.Target, back[0].Target);
            Assert.Equal(example.References, back[0].References);
        }, iter: 500, threads: 1);
    }

    [Theory]
    [InlineData("{\"text\":\"t\"}")]
    [InlineData("{}\n")]
    [InlineData("null\n")]
    [InlineData("{\"text\":1}\n")]
    [InlineData("{\"messages\":[1]}\n")]
    public void Deserialize_Damaged_NamesTheLine(string content)
    {
        var error = Assert.Throws<InvalidDataException>(() => CanonicalRows.Deserialize(Encoding.UTF8.GetBytes(content)));
        Assert.Contains("line 1", error.Message, StringComparison.Ordinal);
    }

    // Any text without half surrogate pairs: those are no text and are refused by the parser.
    internal static readonly Gen<string> WellFormed =
        Gen.String.Select(text => new string([.. text.Where(character => !char.IsSurrogate(character))]) + "😀");

    private static string Digest(ParsedTaskFile file) => CanonicalRows.Sha256(CanonicalRows.Serialize(file.Examples));
}
