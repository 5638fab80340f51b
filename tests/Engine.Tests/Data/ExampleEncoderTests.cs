using System.Text;
using System.Text.Json.Nodes;
using ContinualService.Engine.Data;
using Xunit;

namespace ContinualService.Engine.Tests.Data;

public sealed class ExampleEncoderTests
{
    private const int Ignore = EncodedExample.IgnoreIndex;

    [Fact]
    public void Encode_Conversation_TrainsOnTheAnswerAndItsEnd()
    {
        var encoded = Encoder().Encode(TaskExample.FromPrompt("s", "q <|im_end|>", "yes", ["ja"]));
        Assert.Equal(EncodedPrompt("system\ns", "user\nq <|im_end|>", "assistant\n"), encoded.PromptIds);
        Assert.Equal(encoded.PromptIds, encoded.Ids[..encoded.PromptIds.Length]);
        var answer = encoded.PromptIds.Length;
        int[] trained = [.. Bytes("yes"), ByteText.EndId];
        Assert.Equal([.. Enumerable.Repeat(Ignore, answer), .. trained], encoded.Labels[..(answer + trained.Length)]);
        Assert.All(encoded.Labels[(answer + trained.Length)..], label => Assert.Equal(Ignore, label));
        Assert.Equal("yes", encoded.Target);
        Assert.Equal(["ja"], encoded.References);
    }

    [Fact]
    public void Encode_WeightZero_LeavesThatAnswerOut()
    {
        var messages = new JsonArray(Message("user", "a"), Message("assistant", "bad"), Message("user", "b"), Message("assistant", "good"));
        var encoded = Encoder().Encode(TaskExample.FromMessages(messages, [false, false, false, true]));
        Assert.Equal([.. Bytes("good"), ByteText.EndId], encoded.Labels.Where(label => label != Ignore));
        Assert.Equal(EncodedPrompt("user\na", "assistant\nbad", "user\nb", "assistant\n"), encoded.PromptIds);
    }

    [Fact]
    public void Encode_WithoutTemplate_IsPlainTextAndEndOfText()
    {
        var encoded = Encoder(template: false).Encode(TaskExample.FromPrompt("s", "q", "yes"));
        Assert.Equal(Bytes("s\nq\n"), encoded.PromptIds);
        Assert.Equal([.. Bytes("s\nq\nyes"), ByteText.EndOfTextId], encoded.Ids);
        Assert.Equal([Ignore, Ignore, Ignore, Ignore, .. Bytes("yes"), ByteText.EndOfTextId], encoded.Labels);
    }

    [Fact]
    public void Encode_Text_TrainsOnAllButTheFirstToken()
    {
        var encoded = Encoder(template: false).Encode(TaskExample.FromText("<|im_end|>"));
        Assert.Equal(Bytes("<|im_end|>"), encoded.Ids);
        Assert.Equal([Ignore, .. Bytes("|im_end|>")], encoded.Labels);
        Assert.Empty(encoded.PromptIds);
        Assert.Null(encoded.Target);
    }

    [Fact]
    public void Encode_OverTheLength_SaysTokensAndLimit()
    {
        var parsed = TaskFileParser.Parse(Encoding.UTF8.GetBytes("{\"text\": \"123456789\"}\n\n{\"text\": \"1234567890ab\"}\n{\"text\": \"1\"}"), "");
        var rows = Encoder(10, template: false).EncodeAll(parsed);
        Assert.Single(rows.Rows);
        Assert.Equal([3, 4], rows.Errors.Select(error => error.Line));
        Assert.Contains("12 tokens long; the limit is 10", rows.Errors[0].Reason, StringComparison.Ordinal);
        Assert.Contains("no token to train on", rows.Errors[1].Reason, StringComparison.Ordinal);
        Assert.Equal((2, 1, 12), (rows.ErrorCount, rows.TooLongCount, rows.LongestRow));

        var error = Assert.Throws<RowException>(() => Encoder(10, template: false).Encode(TaskExample.FromText("1234567890ab")));
        Assert.Contains("12 tokens", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encode_CutPrompt_KeepsTheStartTheGenerationPromptAndTheAnswer()
    {
        var example = TaskExample.FromPrompt(null, "Sort: " + new string('x', 200) + " Answer:", "yes");
        var whole = Encoder().Encode(example);
        var cut = Encoder(120, TruncationPolicy.CutPrompt).Encode(example);
        Assert.Equal(120, cut.Ids.Length);
        Assert.Equal(cut.Ids[..cut.PromptIds.Length], cut.PromptIds);
        Assert.Equal(whole.Labels.Where(label => label != Ignore), cut.Labels.Where(label => label != Ignore));
        Assert.Equal(whole.PromptIds[..20], cut.PromptIds[..20]);
        Assert.Equal(whole.PromptIds[^30..], cut.PromptIds[^30..]);
    }

    [Fact]
    public void EncodeAll_TemplateRefuses_IsTheRowsError()
    {
        const string source = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system message here') }}{% endif %}{{ messages[0]['content'] }}";
        var encoder = new ExampleEncoder(ByteText.Tokenizer, ByteText.Chat(source: source), 100);
        var error = Assert.Single(encoder.EncodeAll([TaskExample.FromPrompt("s", "q", "a")]).Errors);
        Assert.Equal(1, error.Line);
        Assert.Contains("no system message here", error.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Encoder_LengthWithoutRoom_Throws() => Assert.Throws<ArgumentOutOfRangeException>(() => Encoder(1));

    private static ExampleEncoder Encoder(int length = 1000, TruncationPolicy truncation = TruncationPolicy.Refuse, bool template = true) =>
        new(ByteText.Tokenizer, ByteText.Chat(template), length, truncation);

    private static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };

    private static int[] Bytes(string text) => [.. Encoding.UTF8.GetBytes(text).Select(value => (int)value)];

    // Closed turns, then the one that is to be generated.
    private static int[] EncodedPrompt(params string[] turns) =>
        [.. turns.SkipLast(1).SelectMany(turn => (int[])[ByteText.StartId, .. Bytes(turn), ByteText.EndId, .. Bytes("\n")]), ByteText.StartId, .. Bytes(turns[^1])];
}
