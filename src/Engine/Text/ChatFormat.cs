using System.Text.Json.Nodes;

namespace ContinualService.Engine.Text;

/// <summary>A model's chat template together with its tokenizer: conversations in, token ids out.</summary>
public sealed class ChatFormat
{
    private readonly string _folder;

    private ChatFormat(string folder) => _folder = folder;

    /// <summary>False for a base model without a chat template: then the encoders throw <see cref="ChatTemplateException"/>.</summary>
    public bool HasTemplate => throw new NotImplementedException(_folder);

    /// <summary>Hexadecimal SHA-256 of the template; empty without one.</summary>
    public string TemplateSha256 => throw new NotImplementedException(_folder);

    public static ChatFormat Load(string folder, Tokenizer tokenizer) => throw new NotImplementedException();

    public int[] EncodePrompt(JsonArray messages) => throw new NotImplementedException(_folder);

    public EncodedChat EncodeConversation(JsonArray messages, IReadOnlyList<bool>? trainOnMessage = null) => throw new NotImplementedException(_folder);
}
