using System.Text;
using ContinualService.Engine.Data;
using ContinualService.TestKit;
using CsCheck;
using Xunit;

namespace ContinualService.Engine.Tests.Data;

public sealed class TaskFileFuzzTests
{
    private static readonly string[] Pieces =
    [
        "{", "}", "[", "]", "\"", ",", ":", "\n", "\r\n", "\\ud83d", "\\u0000", "\0", "null", "1e999", "-0", "\"messages\"", "\"role\"", "\"user\"", "\"assistant\"",
        "\"content\"", "\"prompt\"", "\"completion\"", "\"text\"", "\"weight\"", "\"tool_calls\"", "\"references\"", "prompt,completion\n", "\"\"", " ", "\uFEFF", "é",
        """{"messages": [{"role": "assistant", "content": "A", "tool_calls": [""", "{\"prompt\": \"Q\", \"completion\": ", "\"x\\ud800\": 1",
    ];

    [Fact]
    public void Parse_RandomBytes_NeverThrows() =>
        Gen.Byte.Array[0, 200].Sample(bytes => AssertConsistent(TaskFileParser.Parse(bytes, bytes.Length % 2 == 0 ? "a.csv" : "a.jsonl")), iter: 3000, threads: 1);

    [Fact]
    public void Parse_RandomPieces_NeverThrows() =>
        Gen.Int[0, Pieces.Length - 1].Array[0, 25].Sample(
            chosen => AssertConsistent(TaskFileParser.Parse(Encoding.UTF8.GetBytes(string.Concat(chosen.Select(piece => Pieces[piece]))), "a.csv")), iter: 8000, threads: 1);

    [Fact]
    public void Parse_AFlippedByte_NeverThrows()
    {
        var row = Encoding.UTF8.GetBytes("""{"messages": [{"role": "user", "content": [{"type": "text", "text": "Q\u00e9"}]}, {"role": "assistant", "content": "A", "tool_calls": [{"a": [1.5, null]}]}]}""");
        Gen.Select(Gen.Int[0, row.Length - 1], Gen.Byte).Sample((at, value) =>
        {
            var changed = row.ToArray();
            changed[at] = value;
            AssertConsistent(TaskFileParser.Parse(changed, ""));
        }, iter: 4000, threads: 1);
    }

    [Fact]
    public void Parse_RealRows_AllParse()
    {
        var files = Directory.GetFiles(Shared.Folder("data/cl"), "*.jsonl", SearchOption.AllDirectories);
        Assert.NotEmpty(files);
        foreach (var file in files)
        {
            using var stream = File.OpenRead(file);
            var parsed = TaskFileParser.Parse(stream, file);
            Assert.True(parsed.IsValid, $"{file}: {string.Join(" ", parsed.Errors.Take(1))}");
            Assert.Equal(RowFormat.Instruction, parsed.Format);
            Assert.Equal(File.ReadLines(file).Count(), parsed.Examples.Count);
        }
    }

    private static void AssertConsistent(ParsedTaskFile parsed)
    {
        Assert.Equal(parsed.Examples.Count, parsed.Lines.Count);
        Assert.True(parsed.ErrorCount > 0 || parsed.Examples.Count == parsed.RowCount);
        Assert.All(parsed.Errors, error => Assert.False(string.IsNullOrEmpty(error.Reason) || string.IsNullOrEmpty(error.Mend)));
        Assert.Equal(parsed.Examples, CanonicalRows.Deserialize(CanonicalRows.Serialize(parsed.Examples)));
    }
}
