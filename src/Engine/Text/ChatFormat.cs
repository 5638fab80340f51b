using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Engine.Models;
using ContinualService.Engine.Text.Tokenization;

namespace ContinualService.Engine.Text;

/// <summary>A model's chat template together with its tokenizer: conversations in, token ids out. Immutable, safe to use from many threads.</summary>
public sealed class ChatFormat
{
    // What a template's date prints. Fixed, so that a model is served, scored and resumed with the text it was trained on.
    private static readonly DateTimeOffset Date = new(2024, 7, 26, 0, 0, 0, TimeSpan.Zero);

    // No two begin alike, or end alike.
    private static readonly string[] UnlikeTexts = ["a", "I", "9", "\u03a9", "("];

    private readonly string _folder;
    private readonly Tokenizer _tokenizer;
    private readonly ChatTemplate? _template;
    private readonly Lazy<HashSet<int>> _openers;
    private readonly Lazy<UserTurn?> _userTurn;

    private ChatFormat(string folder, Tokenizer tokenizer, ChatTemplate? template)
    {
        _folder = folder;
        _tokenizer = tokenizer;
        _template = template;
        _openers = new Lazy<HashSet<int>>(FindOpeners);
        _userTurn = new Lazy<UserTurn?>(FindUserTurn);
    }

    /// <summary>False for a base model without a chat template: then the encoders throw <see cref="ChatTemplateException"/>.</summary>
    public bool HasTemplate => _template is not null;

    /// <summary>Hexadecimal SHA-256 of the template; empty without one.</summary>
    public string TemplateSha256 => _template?.Sha256 ?? "";

    /// <summary>Reads chat_template.jinja, or else <c>chat_template</c> of tokenizer_config.json: a text, or the one named "default" of a list.</summary>
    /// <exception cref="ModelFormatException">The template is no template, or the list has no default.</exception>
    public static ChatFormat Load(string folder, Tokenizer tokenizer)
    {
        var (source, file) = ReadSource(folder);
        try
        {
            return new ChatFormat(folder, tokenizer, source is null ? null : ChatTemplate.Parse(source));
        }
        catch (ChatTemplateException failure)
        {
            throw new ModelFormatException($"{file}: {failure.Message}", failure);
        }
    }

    /// <summary>The ids of a conversation with the opening of the assistant's turn after it.</summary>
    /// <exception cref="ChatTemplateException">There is no template, or it refused the conversation.</exception>
    public int[] EncodePrompt(JsonArray messages)
    {
        var marks = new SpecialTokenMarks(_tokenizer, messages, Template);
        var (chat, barriers) = marks.Clean(Render(messages, marks, addGenerationPrompt: true));
        return Encode(chat.Text, barriers).Ids;
    }

    /// <summary>What the template writes around the only text of a conversation; null: there is no template, or it writes nothing there, or takes no user's text alone.</summary>
    public UserTurn? UserTurn => _userTurn.Value;

    /// <summary>
    /// The ids of a whole conversation, and which of them training learns: the assistant's tokens and the token that ends its turn.
    /// They come from the template's <c>generation</c> blocks, or else from what its text gains by each assistant message.
    /// </summary>
    /// <param name="messages">The conversation.</param>
    /// <param name="trainOnMessage">As long as <paramref name="messages"/>: false leaves an assistant message out; null: all are learned.</param>
    /// <exception cref="ChatTemplateException">There is no template, it refused, or the assistant's text cannot be found in what it wrote.</exception>
    public EncodedChat EncodeConversation(JsonArray messages, IReadOnlyList<bool>? trainOnMessage = null)
    {
        if (trainOnMessage is not null && trainOnMessage.Count != messages.Count)
            throw new ArgumentException("One flag for each message is needed.", nameof(trainOnMessage));
        var marks = new SpecialTokenMarks(_tokenizer, messages, Template);
        var marked = Render(messages, marks, addGenerationPrompt: false);
        var spans = new AssistantSpans(messages, trainOnMessage, marks, (part, prompt) => Render(part, marks, prompt)).Find(marked);
        var (chat, barriers) = marks.Clean(marked with { GenerationSpans = spans });
        var encoded = Encode(chat.Text, barriers);
        return new EncodedChat(encoded.Ids, new LossMaskBuilder(_tokenizer, _openers.Value, chat.Text, encoded).Build(chat.GenerationSpans));
    }

    private ChatTemplate Template => _template ?? throw new ChatTemplateException(
        $"the model in {_folder} has no chat template", 0, "Add chat_template.jinja to the model's folder, or send plain text instead of messages.");

    private static (string? Source, string File) ReadSource(string folder)
    {
        var file = Path.Combine(folder, "chat_template.jinja");
        if (File.Exists(file)) return (File.ReadAllText(file), file);
        file = Path.Combine(folder, "tokenizer_config.json");
        if (!File.Exists(file)) return (null, file);
        try
        {
            return (ReadSource(JsonNode.Parse(File.ReadAllText(file))?["chat_template"], file), file);
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            // Not JSON, or a value of another type than the layout has.
            throw new ModelFormatException($"{file} cannot be read: {failure.Message} Mend or replace the file.", failure);
        }
    }

    private static string? ReadSource(JsonNode? node, string file) => node switch
    {
        null => null,
        JsonArray list => (string?)list.FirstOrDefault(item => (string?)item?["name"] == "default")?["template"]
            ?? throw new ModelFormatException($"{file}: chat_template is a list without one named 'default'. Name the template to use 'default'."),
        _ => node.GetValue<string>(),
    };

    private RenderedChat Render(JsonArray messages, SpecialTokenMarks? marks, bool addGenerationPrompt)
    {
        var request = new ChatRenderRequest
        {
            Messages = messages,
            AddGenerationPrompt = addGenerationPrompt,
            BosToken = _tokenizer.BosToken,
            EosToken = _tokenizer.EosToken,
            Now = Date,
        };
        return Template.Render(request, marks is null ? null : marks.Protect);
    }

    /// <summary>The template writes its own begin-of-text token, so the tokenizer adds none.</summary>
    private EncodedText Encode(string text, SpecialTokenBarriers? barriers) =>
        _tokenizer.Encode(text, addSpecialTokens: false, parseSpecialTokens: true, barriers);

    /// <summary>Special tokens that begin a turn: those of the generation prompt, and the begin-of-text token. They never end one.</summary>
    private HashSet<int> FindOpeners()
    {
        HashSet<int> openers = _tokenizer.BosId is { } bos ? [bos] : [];
        try
        {
            var messages = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "a" });
            var without = Render(messages, null, addGenerationPrompt: false).Text;
            var with = Render(messages, null, addGenerationPrompt: true).Text;
            if (with.StartsWith(without, StringComparison.Ordinal)) openers.UnionWith(Encode(with[without.Length..], null).Ids.Where(_tokenizer.IsSpecial));
        }
        catch (ChatTemplateException)
        {
            // A template that wants more than one user message still tells its begin-of-text token.
        }

        return openers;
    }

    // What every text has before and after it in ids: a tokenizer may join a text's first letter with the template's last.
    private UserTurn? FindUserTurn()
    {
        if (_template is null) return null;
        try
        {
            int[][] turns = [.. UnlikeTexts.Select(text => EncodePrompt([new JsonObject { ["role"] = "user", ["content"] = text }]))];
            var before = turns[0].Length;
            foreach (var turn in turns) before = Math.Min(before, turn.AsSpan().CommonPrefixLength(turns[0]));
            var after = turns.Min(turn => turn.Length - before);
            foreach (var turn in turns) after = Math.Min(after, CommonEnd(turn, turns[0]));
            int[] end = turns[0][^after..];
            return before == 0 || after == 0 ? null : new UserTurn(turns[0][..before], end, [.. end.Select(_tokenizer.IsSpecial)]);
        }
        catch (ChatTemplateException)
        {
            return null;
        }
    }

    private static int CommonEnd(int[] one, int[] other)
    {
        var length = 0;
        while (length < Math.Min(one.Length, other.Length) && one[^(length + 1)] == other[^(length + 1)]) length++;
        return length;
    }
}
