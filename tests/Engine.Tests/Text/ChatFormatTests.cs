using System.Text.Json.Nodes;
using ContinualService.Engine.Models;
using ContinualService.Engine.Text;
using ContinualService.TestKit;
using Xunit;

namespace ContinualService.Engine.Tests.Text;

public sealed class ChatFormatTests
{
    private const string Llama2 = "conformance/models/llama2";
    private const string Llama3 = "conformance/models/llama3";
    private const string Qwen2 = "conformance/models/qwen2";
    private const string Bench = "models/bench-llama";

    [Theory]
    [InlineData(Llama2, " Yes. </s># No. </s>")]
    [InlineData(Llama3, "Yes.<|eot_id|>#No.<|eot_id|>")]
    [InlineData(Qwen2, "Yes.<|im_end|>#No.<|im_end|>")]
    [InlineData(Bench, "Yes.<|im_end|>#No.<|im_end|>")]
    public void EncodeConversation_SeveralTurns_MasksAssistantAndEndOfTurn(string model, string expected)
    {
        var (tokenizer, chat) = Load(model);
        var encoded = chat.EncodeConversation(Messages("user", "Is it?", "assistant", "Yes.", "user", "Sure?", "assistant", "No."));
        Assert.Equal(expected.Split('#').Select(part => part.Trim()), Masked(tokenizer, encoded).Select(part => part.Trim()));
    }

    [Theory]
    [InlineData(Llama2)]
    [InlineData(Llama3)]
    [InlineData(Qwen2)]
    [InlineData(Bench)]
    public void EncodeConversation_MessageNotTrained_IsNotMasked(string model)
    {
        var (tokenizer, chat) = Load(model);
        var encoded = chat.EncodeConversation(Messages("user", "Is it?", "assistant", "Yes.", "user", "Sure?", "assistant", "No."), [true, false, true, true]);
        Assert.StartsWith("No.", Assert.Single(Masked(tokenizer, encoded)).Trim(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Llama2)]
    [InlineData(Llama3)]
    [InlineData(Qwen2)]
    [InlineData(Bench)]
    public void EncodePrompt_IsPrefixOfConversation(string model)
    {
        var (_, chat) = Load(model);
        var prompt = chat.EncodePrompt(Messages("user", "Is it?"));
        var whole = chat.EncodeConversation(Messages("user", "Is it?", "assistant", "Yes."));
        Assert.Equal(prompt, whole.Ids.Take(prompt.Length));
        Assert.DoesNotContain(true, whole.LossMask.Take(prompt.Length));
        Assert.True(whole.LossMask[prompt.Length]);
    }

    [Theory]
    [InlineData(Llama2)]
    [InlineData(Llama3)]
    [InlineData(Qwen2)]
    [InlineData(Bench)]
    public void Encode_SpecialTokenTextInContent_StaysText(string model)
    {
        var (tokenizer, chat) = Load(model);
        var plain = SpecialCount(tokenizer, chat.EncodePrompt(Messages("user", "a b")));
        foreach (var special in tokenizer.SpecialTokenTexts)
        {
            foreach (var attack in new[] { $"a{special}b", special + special, $" {special} ", special[..^1] + special, "a " + special[..^1], special[..1] })
            {
                var prompt = chat.EncodePrompt(Messages("user", attack));
                Assert.Equal(plain, SpecialCount(tokenizer, prompt));
                Assert.Contains(attack.Trim(), tokenizer.Decode(prompt, skipSpecialTokens: false), StringComparison.Ordinal);
                var chatIds = chat.EncodeConversation(Messages("user", "a", "assistant", attack));
                Assert.Contains(attack.Trim(), string.Concat(Masked(tokenizer, chatIds)), StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void Encode_SpecialTokenSplitOverParts_StaysText()
    {
        var (tokenizer, _) = Load(Qwen2);
        using var folder = new TemplateFolder("{% for m in messages %}{% for p in m.content %}{{ p.text }}{% endfor %}{% endfor %}");
        var chat = ChatFormat.Load(folder.Path, tokenizer);
        var parts = new JsonArray(new JsonObject { ["type"] = "text", ["text"] = "<|im_" }, new JsonObject { ["type"] = "text", ["text"] = "end|>" });
        var ids = chat.EncodePrompt([new JsonObject { ["role"] = "user", ["content"] = parts }]);
        Assert.Equal(0, SpecialCount(tokenizer, ids));
        Assert.Equal("<|im_end|>", tokenizer.Decode(ids, skipSpecialTokens: false));
    }

    [Fact]
    public void EncodeConversation_GenerationBlockWithoutEndOfTurn_TakesItIn()
    {
        var (tokenizer, _) = Load(Qwen2);
        using var folder = new TemplateFolder(
            "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}");
        var encoded = ChatFormat.Load(folder.Path, tokenizer).EncodeConversation(Messages("user", "a", "assistant", "b\n", "user", "c", "assistant", "<|im_end|>d"));
        Assert.Equal(["b\n<|im_end|>", "<|im_end|>d<|im_end|>"], Masked(tokenizer, encoded));
    }

    [Fact]
    public void EncodeConversation_EarlierTurnWrittenOtherwise_FindsContent()
    {
        var (tokenizer, _) = Load(Qwen2);
        using var folder = new TemplateFolder(
            "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' and loop.last %}[thought]\n{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}");
        var encoded = ChatFormat.Load(folder.Path, tokenizer).EncodeConversation(Messages("user", "a", "assistant", "b", "user", "b", "assistant", "d"));
        Assert.Equal(["b<|im_end|>", "[thought]\nd<|im_end|>"], Masked(tokenizer, encoded));
    }

    [Fact]
    public void UserTurn_IsWhatStandsAroundTheText()
    {
        var (tokenizer, _) = Load(Qwen2);
        using var folder = new TemplateFolder("{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}");

        var turn = ChatFormat.Load(folder.Path, tokenizer).UserTurn!;

        Assert.Equal("<|im_start|>user\n", tokenizer.Decode(turn.Before, skipSpecialTokens: false));
        Assert.Equal("<|im_end|>\n<|im_start|>assistant\n", tokenizer.Decode(turn.After, skipSpecialTokens: false));
        Assert.Equal(turn.After.Select(tokenizer.IsSpecial), turn.Special);
        Assert.Equal(2, turn.Special.Count(special => special));
    }

    [Fact]
    public void UserTurn_SpaceThatTheTextsFirstLetterTakesIn_IsNotPartOfIt()
    {
        var (tokenizer, _) = Load(Qwen2);
        using var folder = new TemplateFolder("{% for m in messages %}<|im_start|>{{ m.role }}\n {{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}");

        Assert.Equal("<|im_start|>user\n", tokenizer.Decode(ChatFormat.Load(folder.Path, tokenizer).UserTurn!.Before, skipSpecialTokens: false));
    }

    [Theory]
    [InlineData("{{ messages[0].content }}")]
    [InlineData("<|im_start|>{{ messages | length }}")]
    [InlineData("{{ raise_exception('two messages, please') }}")]
    public void UserTurn_TemplateThatWritesNothingAroundTheText_IsNull(string template)
    {
        var (tokenizer, _) = Load(Qwen2);
        using var folder = new TemplateFolder(template);

        Assert.Null(ChatFormat.Load(folder.Path, tokenizer).UserTurn);
    }

    [Fact]
    public void Load_TemplateFile_WinsOverTokenizerConfig()
    {
        var (tokenizer, _) = Load(Qwen2);
        using var folder = new TemplateFolder("file", """{"chat_template": "config"}""");
        Assert.Equal("file", tokenizer.Decode(ChatFormat.Load(folder.Path, tokenizer).EncodePrompt([]), skipSpecialTokens: false));
    }

    [Fact]
    public void Load_ListOfTemplates_TakesDefault()
    {
        var (tokenizer, _) = Load(Qwen2);
        using var folder = new TemplateFolder(null, """{"chat_template": [{"name": "tool", "template": "a"}, {"name": "default", "template": "b"}]}""");
        Assert.Equal("b", tokenizer.Decode(ChatFormat.Load(folder.Path, tokenizer).EncodePrompt([]), skipSpecialTokens: false));
    }

    [Theory]
    [InlineData("{% if %}", null, "line 1")]
    [InlineData(null, """{"chat_template": [{"name": "tool", "template": "a"}]}""", "default")]
    [InlineData(null, """{"chat_template": 3}""", "cannot be read")]
    [InlineData(null, "{", "cannot be read")]
    public void Load_BadTemplate_IsRefused(string? file, string? config, string reason)
    {
        var (tokenizer, _) = Load(Qwen2);
        using var folder = new TemplateFolder(file, config);
        Assert.Contains(reason, Assert.Throws<ModelFormatException>(() => ChatFormat.Load(folder.Path, tokenizer)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encode_WithoutTemplate_SaysWhatToDo()
    {
        var (_, chat) = Load("conformance/models/stories260K");
        Assert.False(chat.HasTemplate);
        Assert.Contains("Add chat_template.jinja", Assert.Throws<ChatTemplateException>(() => chat.EncodePrompt([])).Message, StringComparison.Ordinal);
    }

    private static (Tokenizer Tokenizer, ChatFormat Chat) Load(string model)
    {
        var folder = Shared.Folder(model);
        var tokenizer = Tokenizer.Load(folder);
        return (tokenizer, ChatFormat.Load(folder, tokenizer));
    }

    private static JsonArray Messages(params string[] rolesAndContents) =>
        [.. rolesAndContents.Chunk(2).Select(pair => new JsonObject { ["role"] = pair[0], ["content"] = pair[1] })];

    private static int SpecialCount(Tokenizer tokenizer, int[] ids) => ids.Count(tokenizer.IsSpecial);

    /// <summary>The text of each run of masked tokens.</summary>
    private static List<string> Masked(Tokenizer tokenizer, EncodedChat chat)
    {
        var runs = new List<string>();
        for (var i = 0; i < chat.Ids.Length; i++)
        {
            var start = i;
            while (i < chat.Ids.Length && chat.LossMask[i]) i++;
            if (i > start) runs.Add(tokenizer.Decode(chat.Ids.AsSpan(start, i - start), skipSpecialTokens: false));
        }

        return runs;
    }

    private sealed class TemplateFolder : IDisposable
    {
        public TemplateFolder(string? template, string? config = null)
        {
            if (template is not null) File.WriteAllText(System.IO.Path.Combine(Path, "chat_template.jinja"), template);
            if (config is not null) File.WriteAllText(System.IO.Path.Combine(Path, "tokenizer_config.json"), config);
        }

        public string Path { get; } = Directory.CreateTempSubdirectory("chat-format-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
