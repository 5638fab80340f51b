using System.Text;

namespace ContinualService.Engine.Text.Tokenization;

/// <summary>Rewrites text before it is split, keeping track of where every char came from.</summary>
internal interface INormalizer
{
    AlignedText Apply(AlignedText text);
}

internal sealed class NormalizerSequence(IReadOnlyList<INormalizer> steps) : INormalizer
{
    public AlignedText Apply(AlignedText text)
    {
        foreach (var step in steps)
            text = step.Apply(text);
        return text;
    }
}

internal sealed class UnicodeFormNormalizer(bool compatible, bool compose) : INormalizer
{
    public AlignedText Apply(AlignedText text) => UnicodeNormalizer.Apply(text, compatible, compose);
}

/// <summary>Puts a prefix of no origin before text that is not empty.</summary>
internal sealed class PrependNormalizer(string prefix) : INormalizer
{
    public AlignedText Apply(AlignedText text)
    {
        if (text.Text.Length == 0)
            return text;
        var result = new AlignedTextBuilder(text.Text.Length + prefix.Length);
        result.Append(prefix, text.Start, text.Start);
        result.Copy(text, 0, text.Text.Length);
        return result.Build(text.Origin);
    }
}

/// <summary>Each match becomes the content, whose chars all come from the whole match.</summary>
internal sealed class ReplaceNormalizer(TextPattern pattern, string content) : INormalizer
{
    public AlignedText Apply(AlignedText text)
    {
        var matches = pattern.Matches(text.Text);
        if (matches.Count == 0)
            return text;
        var result = new AlignedTextBuilder(text.Text.Length);
        var at = 0;
        foreach (var (start, end) in matches)
        {
            result.Copy(text, at, start);
            var (from, to) = text.Range(start, end);
            result.Append(content, from, to);
            at = end;
        }

        result.Copy(text, at, text.Text.Length);
        return result.Build(text.Origin);
    }
}

internal sealed class StripNormalizer(bool left, bool right) : INormalizer
{
    public AlignedText Apply(AlignedText text)
    {
        var (start, end) = (0, text.Text.Length);
        while (left && start < end && char.IsWhiteSpace(text.Text[start]))
            start++;
        while (right && end > start && char.IsWhiteSpace(text.Text[end - 1]))
            end--;
        return text.Slice(start, end);
    }
}

internal sealed class LowercaseNormalizer : INormalizer
{
    public AlignedText Apply(AlignedText text)
    {
        var result = new AlignedTextBuilder(text.Text.Length);
        Span<char> chars = stackalloc char[2];
        for (var i = 0; i < text.Text.Length;)
        {
            var rune = Rune.GetRuneAt(text.Text, i);
            var (start, end) = text.Range(i, i + rune.Utf16SequenceLength);
            i += rune.Utf16SequenceLength;
            // The one letter whose lower case is two code points.
            if (rune.Value == 'İ')
                result.Append("i\u0307", start, end);
            else
                result.Append(chars[..Rune.ToLowerInvariant(rune).EncodeToUtf16(chars)], start, end);
        }

        return result.Build(text.Origin);
    }
}
