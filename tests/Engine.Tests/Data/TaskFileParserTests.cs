using System.Text;
using System.Text.Json.Nodes;
using ContinualService.Engine.Data;
using Xunit;

namespace ContinualService.Engine.Tests.Data;

public sealed class TaskFileParserTests
{
    private const string PromptRow = """{"prompt": "Capital of France?", "completion": "Paris"}""";

    [Theory]
    [InlineData("""{"prompt": "Q", "completion": "A"}""", RowFormat.PromptCompletion)]
    [InlineData("""{"prompt": "Q", "answer": "A"}""", RowFormat.PromptAnswer)]
    [InlineData("""{"instruction": "Q", "input": "", "output": "A"}""", RowFormat.Instruction)]
    [InlineData("""{"instruction": "Q", "output": "A"}""", RowFormat.Instruction)]
    [InlineData("""{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}""", RowFormat.Messages)]
    [InlineData("""{"messages": [{"role": "user", "content": [{"type": "text", "text": "Q"}]}, {"role": "assistant", "content": "A", "weight": 1}]}""", RowFormat.Messages)]
    [InlineData("""{"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]}""", RowFormat.Conversations)]
    public void Parse_EachQuestionFormat_GivesTheSameExample(string row, RowFormat format)
    {
        var parsed = Parse(row);
        Assert.Empty(parsed.Errors);
        Assert.Equal(format, parsed.Format);
        Assert.Equal(TaskExample.FromPrompt(null, "Q", "A"), Assert.Single(parsed.Examples));
        Assert.Equal("A", parsed.Examples[0].Target);
        Assert.Equal([false, true], parsed.Examples[0].TrainOnMessage);
    }

    [Fact]
    public void Parse_Text_IsTrainedWhole()
    {
        var example = Assert.Single(Parse("""{"text": "once upon a time"}""").Examples);
        Assert.Equal("once upon a time", example.Text);
        Assert.Null(example.Target);
        Assert.Empty(example.Messages);
    }

    [Theory]
    [InlineData("Sort.\\n", "apple", "Sort.\napple")]
    [InlineData("Sort.", "apple", "Sort.\napple")]
    [InlineData("Sort. ", "apple", "Sort. apple")]
    [InlineData("Sort.", "", "Sort.")]
    public void Parse_Instruction_JoinsInputWithOneBreak(string instruction, string input, string question)
    {
        var row = $$"""{"instruction": "{{instruction}}", "input": "{{input}}", "output": "A", "system": "Be brief.", "references": ["B", "C"]}""";
        var example = Assert.Single(Parse(row).Examples);
        Assert.Equal("Be brief.", (string?)example.Messages[0]!["content"]);
        Assert.Equal(question, (string?)example.Messages[1]!["content"]);
        Assert.Equal(["B", "C"], example.References);
    }

    [Fact]
    public void Parse_Messages_KeepsWeightsAndToolFields()
    {
        var row = """
            {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}, {"role": "assistant", "content": "no", "weight": 0}, {"role": "user", "content": "u2", "name": "Ann"}, {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{\"a\": 1.50}"}}]}, {"role": "tool", "tool_call_id": "1", "content": "7"}, {"role": "assistant", "content": "seven"}]}
            """;
        var example = Assert.Single(Parse(row).Examples);
        Assert.Equal([false, false, false, false, true, false, true], example.TrainOnMessage);
        Assert.Equal("f", (string?)example.Messages[4]!["tool_calls"]![0]!["function"]!["name"]);
        Assert.Equal("1", (string?)example.Messages[5]!["tool_call_id"]);
        Assert.False(example.Messages[2]!.AsObject().ContainsKey("weight"));
        Assert.Equal(example, Assert.Single(CanonicalRows.Deserialize(CanonicalRows.Serialize([example]))));
    }

    [Fact]
    public void Parse_ByteOrderMarkCrLfAndBlankLines_AreTolerated()
    {
        var parsed = TaskFileParser.Parse(Encoding.UTF8.GetBytes("\uFEFF\r\n" + PromptRow + "\r\n  \r\n" + PromptRow.Replace("Paris", "Lyon") + "\r\n"), "a.jsonl");
        Assert.True(parsed.IsValid);
        Assert.Equal([2, 4], parsed.Lines);
        Assert.Equal(2, parsed.RowCount);
    }

    [Theory]
    [InlineData("{\"prompt\": \"Q\", \"completion\": }", null, "Malformed JSON at column 31")]
    [InlineData("{\"prompt\": \"Q\"", null, "Malformed JSON")]
    [InlineData("{\"prompt\": \"ä\", completion: 1}", null, "Malformed JSON at column 17")]
    [InlineData("{\"prompt\": \"Q\", \"prompt\": \"R\", \"completion\": \"A\"}", null, "uplicate")]
    [InlineData("[1, 2]", null, "an array, not a JSON object")]
    [InlineData("null", null, "null, not a JSON object")]
    [InlineData("{}", null, "empty")]
    [InlineData("{\"question\": \"Q\"}", null, "no known format")]
    [InlineData("{\"prompt\": \"Q\"}", "completion", "missing")]
    [InlineData("{\"output\": \"A\"}", "instruction", "missing")]
    [InlineData("{\"prompt\": \"Q\", \"completion\": \"A\", \"id\": 7}", "id", "not a known field")]
    [InlineData("{\"prompt\": \"Q\", \"completion\": 7}", "completion", "a number, not a string")]
    [InlineData("{\"prompt\": null, \"completion\": \"A\"}", "prompt", "null, not a string")]
    [InlineData("{\"prompt\": \"Q\", \"completion\": \" \\n\"}", "completion", "empty")]
    [InlineData("{\"prompt\": \" \", \"completion\": \"A\"}", "prompt", "empty")]
    [InlineData("{\"text\": \"\"}", "text", "empty")]
    [InlineData("{\"prompt\": \"\\ud83d\", \"completion\": \"A\"}", null, "surrogate")]
    [InlineData("{\"instruction\": \"Q\", \"output\": \"A\", \"references\": \"B\"}", "references", "a string, not an array of strings")]
    [InlineData("{\"instruction\": \"Q\", \"output\": \"A\", \"references\": [1]}", "references[0]", "a number, not a string")]
    [InlineData("{\"messages\": {}}", "messages", "an object, not an array")]
    [InlineData("{\"messages\": []}", "messages", "empty")]
    [InlineData("{\"messages\": [\"hi\"]}", "messages[0]", "a string, not an object")]
    [InlineData("{\"messages\": [{\"role\": \"user\", \"content\": \"Q\"}]}", "messages", "no message from \"assistant\"")]
    [InlineData("{\"messages\": [{\"role\": \"assistant\", \"content\": \"Q\"}, {\"role\": \"user\", \"content\": \"Q\"}]}", "messages[1]", "last message is not")]
    [InlineData("{\"messages\": [{\"role\": \"bot\", \"content\": \"Q\"}]}", "messages[0].role", "not a known role")]
    [InlineData("{\"messages\": [{\"content\": \"Q\"}]}", "messages[0].role", "missing")]
    [InlineData("{\"messages\": [{\"role\": \"user\"}]}", "messages[0].content", "missing")]
    [InlineData("{\"messages\": [{\"role\": \"user\", \"content\": 3}]}", "messages[0].content", "a number")]
    [InlineData("{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\"}]}]}", "messages[0].content[0]", "not {\"type\": \"text\"")]
    [InlineData("{\"messages\": [{\"role\": \"user\", \"content\": \"Q\", \"mood\": 1}]}", "messages[0].mood", "not a known field")]
    [InlineData("{\"messages\": [{\"role\": \"assistant\", \"content\": \"A\", \"weight\": 2}]}", "messages[0].weight", "neither 0 nor 1")]
    [InlineData("{\"messages\": [{\"role\": \"assistant\", \"content\": \"A\", \"weight\": 0}]}", "messages", "weight 0")]
    [InlineData("{\"messages\": [{\"role\": \"user\", \"content\": \"Q\"}, {\"role\": \"assistant\", \"content\": \"\"}]}", "messages[1].content", "empty")]
    [InlineData("{\"messages\": [{\"role\": \"assistant\", \"content\": \"A\", \"tool_calls\": 1}]}", "messages[0].tool_calls", "a number, not an array")]
    [InlineData("{\"conversations\": [{\"from\": \"bot\", \"value\": \"Q\"}]}", "conversations[0].from", "not a known role")]
    [InlineData("{\"conversations\": [{\"from\": \"human\", \"value\": \"Q\"}]}", "conversations", "no message from \"gpt\"")]
    [InlineData("{\"conversations\": [{\"from\": \"human\", \"text\": \"Q\"}, {\"from\": \"gpt\", \"value\": \"A\"}]}", "conversations[0].text", "not a known field")]
    public void Parse_FaultyRow_SaysLineFieldReasonAndMend(string row, string? field, string reason)
    {
        var parsed = Parse("\n" + row);
        Assert.False(parsed.IsValid);
        Assert.Empty(parsed.Examples);
        var error = parsed.Errors[0];
        Assert.Equal(2, error.Line);
        Assert.Equal(field, error.Field);
        Assert.Contains(reason, error.Reason, StringComparison.Ordinal);
        Assert.NotEmpty(error.Mend);
    }

    [Fact]
    public void Parse_UnknownField_NamesTheAllowedOnes()
    {
        var error = Assert.Single(Parse("""{"prompt": "Q", "completion": "A", "weight": 1}""").Errors);
        Assert.Contains("\"prompt\", \"completion\"", error.Mend, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_MixedFormats_NamesBothFormatsAndLines()
    {
        var error = Assert.Single(Parse(PromptRow + "\n" + """{"text": "t"}""" + "\n" + PromptRow).Errors);
        Assert.Equal(2, error.Line);
        Assert.Contains("\"text\"", error.Reason, StringComparison.Ordinal);
        Assert.Contains("line 1 made the file \"prompt_completion\"", error.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_ManyErrors_KeepsAHundredAndCountsAll()
    {
        var parsed = Parse(string.Join('\n', Enumerable.Repeat("{}", 250)) + "\n" + PromptRow);
        Assert.Equal(TaskFileParser.MaxErrors, parsed.Errors.Count);
        Assert.Equal(250, parsed.ErrorCount);
        Assert.Equal(251, parsed.RowCount);
        Assert.Equal([251], parsed.Lines);
    }

    [Fact]
    public void Parse_SeveralFaultsInOneRow_ReportsEach()
    {
        var parsed = Parse("""{"prompt": 1, "completion": "", "extra": 2}""");
        Assert.Equal(["extra", "prompt", "completion"], parsed.Errors.Select(error => error.Field));
        Assert.Equal(1, parsed.EmptyTargetCount);
    }

    [Fact]
    public void Parse_Duplicates_AreCountedNotRefused()
    {
        var parsed = Parse(PromptRow + "\n" + """{"completion":"Paris","prompt":"Capital of France\u003f"}""");
        Assert.True(parsed.IsValid);
        Assert.Equal(1, parsed.DuplicateCount);
        Assert.Equal([2], parsed.DuplicateLines);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n \r\n\n")]
    [InlineData("\uFEFF")]
    [InlineData("prompt,completion\r\n")]
    public void Parse_NoRows_IsAnError(string content)
    {
        var parsed = Parse(content);
        Assert.Equal("There are no rows.", Assert.Single(parsed.Errors).Reason);
        Assert.Equal(0, parsed.RowCount);
    }

    [Fact]
    public void Parse_Latin1_NamesLineAndUtf8()
    {
        byte[] content = [.. Encoding.UTF8.GetBytes(PromptRow + "\n"), .. Encoding.Latin1.GetBytes("""{"prompt": "café", "completion": "A"}""")];
        var error = Assert.Single(TaskFileParser.Parse(content, "").Errors);
        Assert.Equal(2, error.Line);
        Assert.Contains("Not valid UTF-8 at column 16 (byte 0xE9)", error.Reason, StringComparison.Ordinal);
        Assert.Contains("UTF-8 is needed", error.Mend, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Parse_Utf16_IsNamedOnce(bool byteOrderMark)
    {
        byte[] content = [.. byteOrderMark ? Encoding.Unicode.GetPreamble() : [], .. Encoding.Unicode.GetBytes(PromptRow + "\n" + PromptRow)];
        Assert.Contains("UTF-16 (little endian", Assert.Single(TaskFileParser.Parse(content, "").Errors).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_NulByte_IsAnError()
    {
        Assert.Contains("NUL byte at column 15", Assert.Single(Parse("{\"prompt\": \"Q \0\", \"completion\": \"A\"}").Errors).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_OverTheLimits_SaysTheLimit()
    {
        var rows = Parse(PromptRow + "\n" + PromptRow + "\n" + PromptRow, limits: new TaskFileLimits { MaxRows = 2 });
        Assert.Equal(3, Assert.Single(rows.Errors).Line);
        Assert.Contains("more than 2 rows", rows.Errors[0].Reason, StringComparison.Ordinal);

        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(PromptRow));
        var bytes = TaskFileParser.Parse(stream, "", new TaskFileLimits { MaxBytes = 10 });
        Assert.Contains("larger than 10 bytes", Assert.Single(bytes.Errors).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_Stream_EqualsParsingItsBytes()
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(PromptRow));
        Assert.Equal(Parse(PromptRow).Examples, TaskFileParser.Parse(stream, "").Examples);
    }

    [Fact]
    public void ParseInline_Rows_CountsFromOne()
    {
        var parsed = TaskFileParser.ParseInline(new JsonArray(JsonNode.Parse(PromptRow), null, JsonNode.Parse("{}")));
        Assert.Equal([2, 3], parsed.Errors.Select(error => error.Line));
        Assert.Equal([1], parsed.Lines);
    }

    private static ParsedTaskFile Parse(string content, string fileName = "rows.txt", TaskFileLimits? limits = null) =>
        TaskFileParser.Parse(Encoding.UTF8.GetBytes(content), fileName, limits);
}
