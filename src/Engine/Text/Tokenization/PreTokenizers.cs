using System.Text;

namespace ContinualService.Engine.Text.Tokenization;

/// <summary>Splits text into the words that the model encodes one by one.</summary>
internal interface IPreTokenizer
{
    IEnumerable<AlignedText> Split(AlignedText text);
}

internal sealed class PreTokenizerSequence(IReadOnlyList<IPreTokenizer> steps) : IPreTokenizer
{
    public IEnumerable<AlignedText> Split(AlignedText text)
    {
        IEnumerable<AlignedText> pieces = [text];
        foreach (var step in steps)
            pieces = pieces.SelectMany(p => p.Text.Length == 0 ? [] : step.Split(p));
        return pieces;
    }
}

internal sealed class SplitPreTokenizer(TextPattern pattern, SplitBehavior behavior, bool invert) : IPreTokenizer
{
    public IEnumerable<AlignedText> Split(AlignedText text) =>
        SplitRule.Apply(pattern.Matches(text.Text), text.Text.Length, behavior, invert).Select(r => text.Slice(r.Start, r.End));
}

/// <summary>Spells each byte of the UTF-8 form as one char of <see cref="ByteAlphabet"/>, after GPT-2's split where asked for.</summary>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, bool useRegex) : IPreTokenizer
{
    private static readonly Lazy<TextPattern> Words = new(() =>
        TextPattern.OfRegex(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"));

    public IEnumerable<AlignedText> Split(AlignedText text)
    {
        if (addPrefixSpace && !text.Text.StartsWith(' '))
            text = new PrependNormalizer(" ").Apply(text);
        if (!useRegex)
            return [Spell(text)];
        return SplitRule.Apply(Words.Value.Matches(text.Text), text.Text.Length, SplitBehavior.Isolated, false)
            .Select(r => Spell(text.Slice(r.Start, r.End)));
    }

    private static AlignedText Spell(AlignedText text)
    {
        var result = new AlignedTextBuilder(text.Text.Length * 2);
        Span<byte> bytes = stackalloc byte[4];
        for (var i = 0; i < text.Text.Length;)
        {
            var rune = Rune.GetRuneAt(text.Text, i);
            var (start, end) = text.Range(i, i + rune.Utf16SequenceLength);
            i += rune.Utf16SequenceLength;
            foreach (var value in bytes[..rune.EncodeToUtf8(bytes)])
                result.Append(ByteAlphabet.ToChar(value), start, end);
        }

        return result.Build(text.Origin);
    }
}

/// <summary>SentencePiece's way: spaces become visible chars, and words begin with one.</summary>
internal sealed class MetaspacePreTokenizer(char replacement, PrependScheme scheme, bool split) : IPreTokenizer
{
    private readonly ReplaceNormalizer _spaces = new(TextPattern.OfLiteral(" "), replacement.ToString());
    private readonly PrependNormalizer _prefix = new(replacement.ToString());
    private readonly TextPattern _starts = TextPattern.OfLiteral(replacement.ToString());

    public IEnumerable<AlignedText> Split(AlignedText text)
    {
        var prefixed = scheme == PrependScheme.Always || (scheme == PrependScheme.First && text.Start == 0);
        text = _spaces.Apply(text);
        if (prefixed && !text.Text.StartsWith(replacement))
            text = _prefix.Apply(text);
        if (!split)
            return [text];
        return SplitRule.Apply(_starts.Matches(text.Text), text.Text.Length, SplitBehavior.MergedWithNext, false)
            .Select(r => text.Slice(r.Start, r.End));
    }
}

/// <summary>When Metaspace puts its char before text that does not begin with one: First is at the start of the input alone.</summary>
internal enum PrependScheme
{
    Always,
    First,
    Never,
}
