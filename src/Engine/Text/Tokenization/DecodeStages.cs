using System.Globalization;
using System.Text;

namespace ContinualService.Engine.Text.Tokenization;

/// <summary>
/// One step of turning token spellings into text, fed piece by piece. Whole and streamed decoding run the same steps, so they
/// cannot differ; a step holds back what later pieces may change. Stages are made anew for every text.
/// </summary>
internal abstract class DecodeStage
{
    /// <summary>Where the pieces go.</summary>
    public Action<string> Next { get; set; } = _ => { };

    public abstract void Push(string piece);

    /// <summary>No more pieces: let go of what was held back.</summary>
    public virtual void Finish()
    {
    }
}

/// <summary>Byte-level spellings to text. A token with a char outside the alphabet stands for itself.</summary>
internal sealed class ByteLevelDecodeStage : DecodeStage
{
    private readonly System.Text.Decoder _utf8 = new UTF8Encoding(false).GetDecoder();

    public override void Push(string piece) =>
        Convert(ByteAlphabet.TryGetBytes(piece, out var bytes) ? bytes : Encoding.UTF8.GetBytes(piece), flush: false);

    public override void Finish() => Convert([], flush: true);

    private void Convert(byte[] bytes, bool flush)
    {
        var chars = new char[_utf8.GetCharCount(bytes, 0, bytes.Length, flush)];
        _utf8.GetChars(bytes, 0, bytes.Length, chars, 0, flush);
        if (chars.Length > 0)
            Next(new string(chars));
    }
}

/// <summary>Runs of &lt;0xHH&gt; tokens to text; a run that is no valid UTF-8 becomes one U+FFFD per byte, as in the reference.</summary>
internal sealed class ByteFallbackDecodeStage : DecodeStage
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);
    private readonly List<byte> _run = [];

    public override void Push(string piece)
    {
        if (TryByte(piece, out var value))
        {
            _run.Add(value);
            return;
        }

        Finish();
        Next(piece);
    }

    public override void Finish()
    {
        if (_run.Count == 0)
            return;
        var bytes = _run.ToArray();
        _run.Clear();
        if (System.Text.Unicode.Utf8.IsValid(bytes))
        {
            Next(Strict.GetString(bytes));
            return;
        }

        foreach (var _ in bytes)
            Next("\uFFFD");
    }

    public static bool TryByte(string piece, out byte value)
    {
        value = 0;
        return piece.Length == 6 && piece.StartsWith("<0x", StringComparison.Ordinal) && piece[5] == '>'
            && byte.TryParse(piece.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}

/// <summary>Replaces matches; within single tokens, or, after Fuse, across them.</summary>
internal sealed class ReplaceDecodeStage(TextPattern pattern, string content, bool fused) : DecodeStage
{
    private string _held = "";

    public override void Push(string piece)
    {
        if (!fused || pattern.Literal is { Length: 1 })
        {
            Next(Replace(piece));
            return;
        }

        _held += piece;
        if (pattern.Literal is not { Length: > 0 } literal)
            return; // a regular expression may look at anything that follows
        var matches = pattern.Matches(_held);
        var safe = Math.Max(matches.Count > 0 ? matches[^1].End : 0, _held.Length - literal.Length + 1);
        Next(Replace(_held[..safe]));
        _held = _held[safe..];
    }

    public override void Finish()
    {
        if (_held.Length > 0)
            Next(Replace(_held));
        _held = "";
    }

    private string Replace(string text)
    {
        var matches = pattern.Matches(text);
        if (matches.Count == 0)
            return text;
        var result = new StringBuilder(text.Length);
        var at = 0;
        foreach (var (start, end) in matches)
        {
            result.Append(text, at, start - at).Append(content);
            at = end;
        }

        return result.Append(text, at, text.Length - at).ToString();
    }
}

/// <summary>Takes up to so many chars off both ends; of every token, or, after Fuse, of the whole text.</summary>
internal sealed class StripDecodeStage(char value, int start, int stop, bool fused) : DecodeStage
{
    private int _stripped;
    private string _trailing = "";

    public override void Push(string piece)
    {
        if (!fused)
        {
            var from = 0;
            while (from < start && from < piece.Length && piece[from] == value)
                from++;
            var to = piece.Length;
            while (piece.Length - to < stop && to > from && piece[to - 1] == value)
                to--;
            Next(piece[from..to]);
            return;
        }

        var skip = 0;
        while (_stripped < start && skip < piece.Length && piece[skip] == value)
            (skip, _stripped) = (skip + 1, _stripped + 1);
        if (skip < piece.Length)
            _stripped = start; // the text has begun
        var text = _trailing + piece[skip..];
        var held = 0;
        while (held < stop && held < text.Length && text[^(held + 1)] == value)
            held++;
        _trailing = text[^held..];
        if (held < text.Length)
            Next(text[..^held]);
    }
}

/// <summary>Metaspace chars to spaces; in the first token they are the prefix and vanish, unless none was put there.</summary>
internal sealed class MetaspaceDecodeStage(char replacement, PrependScheme scheme, bool fused) : DecodeStage
{
    private bool _first = true;

    public override void Push(string piece)
    {
        var vanish = _first && scheme != PrependScheme.Never;
        _first = fused && _first;
        Next(vanish ? piece.Replace(replacement.ToString(), "", StringComparison.Ordinal) : Spaces(piece));
    }

    public string Spaces(string token) => token.Replace(replacement, ' ');
}

/// <summary>A file without a decoder: tokens with spaces between them.</summary>
internal sealed class JoinDecodeStage : DecodeStage
{
    private bool _first = true;

    public override void Push(string piece)
    {
        Next(_first ? piece : " " + piece);
        _first = false;
    }
}
