using System.Text;
using ContinualService.Engine.Text;

namespace ContinualService.Api.OpenAi;

/// <summary>Where the tokens of one answer begin in its text, in characters. A special token has no text, and tokens that are parts of one character begin together.</summary>
internal sealed class TextOffsets
{
    private readonly Tokenizer _tokenizer;
    private readonly Decoder _utf8 = new UTF8Encoding(false).GetDecoder();
    private bool _begun;
    private int _next;

    /// <param name="tokenizer">Of the model.</param>
    /// <param name="before">The ids that the answer goes on from; empty where its text begins with them.</param>
    public TextOffsets(Tokenizer tokenizer, ReadOnlySpan<int> before)
    {
        _tokenizer = tokenizer;
        foreach (var id in before) _ = Next(id);
        _utf8.Reset();
        _next = 0;
    }

    /// <summary>Where the next token begins.</summary>
    public int Next(int id)
    {
        var start = _next;
        if (_tokenizer.IsSpecial(id)) return start;
        ReadOnlySpan<byte> bytes = _tokenizer.TokenBytes(id);
        // Where text loses the space that its first token begins with, the token begins without it.
        if (!_begun && bytes is [(byte)' ', ..] && !new TextStream(_tokenizer).Append(id).StartsWith(' ')) bytes = bytes[1..];
        _begun = true;
        _next += _utf8.GetChars(bytes, new char[bytes.Length + 1], flush: false);
        return start;
    }
}
