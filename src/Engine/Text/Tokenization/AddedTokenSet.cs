using System.Buffers;
using System.Globalization;
using System.Text;

namespace ContinualService.Engine.Text.Tokenization;

/// <summary>A token matched in the text itself, before the model: ids for turn markers and the like.</summary>
internal sealed record AddedToken(int Id, string Content, bool SingleWord, bool StripLeft, bool StripRight, bool Normalized, bool Special);

/// <summary>Finds added tokens in text: leftmost, longest first.</summary>
internal sealed class AddedTokenSet
{
    private readonly Dictionary<char, (AddedToken Token, string Pattern)[]> _byFirstChar;
    private readonly SearchValues<char> _firstChars;

    /// <param name="tokens">Tokens with the spelling to look for, which a normalizer may have changed.</param>
    public AddedTokenSet(IEnumerable<(AddedToken Token, string Pattern)> tokens)
    {
        _byFirstChar = tokens.Where(t => t.Pattern.Length > 0).GroupBy(t => t.Pattern[0])
            .ToDictionary(g => g.Key, g => g.OrderByDescending(t => t.Pattern.Length).ToArray());
        _firstChars = SearchValues.Create([.. _byFirstChar.Keys]);
    }

    /// <summary>The text in pieces: those with a token are that token, the others are left to the model.</summary>
    /// <param name="text">The text to cut.</param>
    /// <param name="withSpecial">False: special tokens are not looked for.</param>
    /// <param name="barriers">No special token lies across these places of the input; null: none.</param>
    public List<(AlignedText Text, AddedToken? Token)> Split(AlignedText text, bool withSpecial, SpecialTokenBarriers? barriers = null)
    {
        var pieces = new List<(AlignedText, AddedToken?)>();
        var (plain, at) = (0, 0); // the text before plain is in pieces
        while (Next(text, ref at, withSpecial, barriers) is { } match)
        {
            var (start, end) = (at, at + match.Pattern.Length);
            at = end;
            if (match.Token.SingleWord && (IsWord(text.Text, start, before: true) || IsWord(text.Text, end, before: false)))
                continue;
            while (match.Token.StripLeft && start > plain && char.IsWhiteSpace(text.Text[start - 1]))
                start--;
            while (match.Token.StripRight && end < text.Text.Length && char.IsWhiteSpace(text.Text[end]))
                end++;
            if (start > plain)
                pieces.Add((text.Slice(plain, start), null));
            pieces.Add((text.Slice(start, end), match.Token));
            (plain, at) = (end, end);
        }

        if (plain < text.Text.Length)
            pieces.Add((text.Slice(plain, text.Text.Length), null));
        return pieces;
    }

    private (AddedToken Token, string Pattern)? Next(
        AlignedText aligned, ref int at, bool withSpecial, SpecialTokenBarriers? barriers)
    {
        var text = aligned.Text;
        for (; at < text.Length; at++)
        {
            var step = text.AsSpan(at).IndexOfAny(_firstChars);
            if (step < 0)
                break;
            at += step;
            foreach (var candidate in _byFirstChar[text[at]])
            {
                if ((withSpecial || !candidate.Token.Special) && text.AsSpan(at).StartsWith(candidate.Pattern)
                    && !(candidate.Token.Special && barriers?.Forbid(aligned.Range(at, at + candidate.Pattern.Length)) == true))
                    return candidate;
            }
        }

        return null;
    }

    private static bool IsWord(string text, int at, bool before)
    {
        if (before ? at == 0 : at >= text.Length)
            return false;
        var rune = !before ? Rune.GetRuneAt(text, at)
            : char.IsLowSurrogate(text[at - 1]) && at > 1 ? Rune.GetRuneAt(text, at - 2) : Rune.GetRuneAt(text, at - 1);
        return Rune.IsLetter(rune) || Rune.GetUnicodeCategory(rune) is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber
            or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark
            or UnicodeCategory.ConnectorPunctuation;
    }
}
