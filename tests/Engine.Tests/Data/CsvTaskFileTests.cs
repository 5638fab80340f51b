using System.Text;
using ContinualService.Engine.Data;
using Xunit;

namespace ContinualService.Engine.Tests.Data;

public sealed class CsvTaskFileTests
{
    [Theory]
    [InlineData("rows.csv")]
    [InlineData("")]
    public void Parse_QuotedFields_KeepCommasQuotesAndLines(string fileName)
    {
        var parsed = Parse("prompt,completion\r\n\"Say \"\"hi\"\", twice\",hi hi\r\n\r\n\"two\nlines\",\"A\"\r\nlast,row", fileName);
        Assert.Empty(parsed.Errors);
        Assert.Equal(RowFormat.PromptCompletion, parsed.Format);
        Assert.Equal(
            [TaskExample.FromPrompt(null, "Say \"hi\", twice", "hi hi"), TaskExample.FromPrompt(null, "two\nlines", "A"), TaskExample.FromPrompt(null, "last", "row")],
            parsed.Examples);
        Assert.Equal([2, 4, 6], parsed.Lines);
    }

    [Fact]
    public void Parse_InstructionColumnsInAnyOrder_AreRead()
    {
        var example = Assert.Single(Parse("output,system,input,instruction\nA,Be brief.,b,Sort:", "").Examples);
        Assert.Equal(TaskExample.FromPrompt("Be brief.", "Sort:\nb", "A"), example);
    }

    [Theory]
    [InlineData("prompt,completion\na,b,c", 2, null, "3 fields, the header 2")]
    [InlineData("prompt,completion\na", 2, null, "1 fields, the header 2")]
    [InlineData("prompt,completion\n\"a,b", 2, null, "never closed")]
    [InlineData("prompt,completion\n\"a\"b,c", 2, null, "after the closing quote")]
    [InlineData("prompt,completion\na \"b\",c", 2, null, "inside an unquoted field")]
    [InlineData("prompt,completion\na,", 2, "completion", "empty")]
    [InlineData("prompt,reply\na,b", 1, "reply", "not a known column")]
    [InlineData("prompt;completion\na;b", 1, "prompt;completion", "not a known column")]
    [InlineData("prompt,prompt\na,b", 1, "prompt", "twice")]
    [InlineData("prompt,system,completion\na,b,c", 1, "system", "not a known field")]
    [InlineData("input,output\na,b", 1, "instruction", "missing")]
    public void Parse_FaultyCsv_SaysLineAndReason(string content, int line, string? field, string reason)
    {
        var error = Parse(content, "rows.csv").Errors[0];
        Assert.Equal(line, error.Line);
        Assert.Equal(field, error.Field);
        Assert.Contains(reason, error.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_FaultInOneRecord_StillReadsTheNext()
    {
        var parsed = Parse("prompt,completion\n\"a\"x,b\nc,d", "rows.csv");
        Assert.Equal([3], parsed.Lines);
        Assert.Equal(1, parsed.ErrorCount);
    }

    private static ParsedTaskFile Parse(string content, string fileName) => TaskFileParser.Parse(Encoding.UTF8.GetBytes(content), fileName);
}
