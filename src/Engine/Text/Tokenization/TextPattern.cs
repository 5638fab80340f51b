using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace ContinualService.Engine.Text.Tokenization;

/// <summary>
/// The {"String"} or {"Regex"} pattern of a tokenizer.json, matched by code point. .NET matches by UTF-16 unit, where a
/// letter outside the basic plane is two surrogates and no \p{L}; such text is matched through a copy in which each
/// surrogate pair is one basic-plane char of the same general category.
/// </summary>
internal sealed class TextPattern
{
    // Patterns name categories, basic-plane literals, and CJK ranges below U+A000; stand-ins are taken from above those.
    private const int StandInFrom = 0xA000;
    private static readonly char[] StandIns = MakeStandIns();

    private readonly Regex? _regex;
    private readonly string _literal = "";

    private TextPattern(Regex? regex, string literal) => (_regex, _literal) = (regex, literal);

    /// <summary>The string that matches, or null for a regular expression.</summary>
    public string? Literal => _regex is null ? _literal : null;

    public static TextPattern OfLiteral(string literal) => new(null, literal);

    /// <param name="pattern">Oniguruma syntax, as far as <see cref="RegexTranslator"/> takes it.</param>
    /// <exception cref="ArgumentException">The pattern cannot be matched faithfully.</exception>
    public static TextPattern OfRegex(string pattern) => new(
        new Regex(RegexTranslator.Translate(pattern), RegexOptions.Compiled | RegexOptions.CultureInvariant | RegexOptions.Multiline), "");

    /// <summary>Non-empty matches as UTF-16 ranges of the text, in order.</summary>
    public List<(int Start, int End)> Matches(string text)
    {
        var matches = new List<(int, int)>();
        if (_regex is null)
        {
            if (_literal.Length == 0)
                return matches;
            for (var at = text.IndexOf(_literal, StringComparison.Ordinal); at >= 0;
                at = text.IndexOf(_literal, at + _literal.Length, StringComparison.Ordinal))
                matches.Add((at, at + _literal.Length));
            return matches;
        }

        var (view, positions) = View(text);
        foreach (var match in _regex.EnumerateMatches(view))
        {
            if (match.Length == 0)
                continue;
            var end = match.Index + match.Length;
            matches.Add(positions is null ? (match.Index, end) : (positions[match.Index], positions[end]));
        }

        return matches;
    }

    /// <summary>The text with one char per code point, and where each stands in the original (null: they are the same).</summary>
    private static (string View, int[]? Positions) View(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
            return (text, null);
        var view = new StringBuilder(text.Length);
        var positions = new List<int>(text.Length + 1);
        for (var i = 0; i < text.Length; i++)
        {
            positions.Add(i);
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length)
            {
                view.Append(StandIns[(int)CharUnicodeInfo.GetUnicodeCategory(text, i)]);
                i++;
            }
            else
            {
                view.Append(text[i]);
            }
        }

        positions.Add(text.Length);
        return (view.ToString(), [.. positions]);
    }

    private static char[] MakeStandIns()
    {
        var standIns = new char[30];
        // Wraps around: a category without a member up there gets its first one from the bottom.
        for (var k = 0x10000 - 1; k >= 0; k--)
        {
            var c = (char)((StandInFrom + k) & 0xFFFF);
            standIns[(int)CharUnicodeInfo.GetUnicodeCategory(c)] = c;
        }

        return standIns;
    }
}
