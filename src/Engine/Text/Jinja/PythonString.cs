using System.Buffers;
using System.Globalization;
using System.Text;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>Python's view of text: code points instead of UTF-16 units, and its own idea of white space and printable.</summary>
internal static class PythonString
{
    /// <summary>What <c>str.isspace</c> and <c>str.strip</c> take for white space.</summary>
    public static readonly SearchValues<char> Spaces = SearchValues.Create(
        "\t\n\v\f\r\u001c\u001d\u001e\u001f \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000");

    public static bool IsSpace(char character) => Spaces.Contains(character);

    public static int Length(string text)
    {
        var length = text.Length;
        for (var i = 0; i + 1 < text.Length; i++)
        {
            if (!char.IsSurrogatePair(text[i], text[i + 1])) continue;
            length--;
            i++;
        }

        return length;
    }

    /// <summary>The code points, each as its own string; a lone surrogate counts as one.</summary>
    public static IEnumerable<object> Characters(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            var width = i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]) ? 2 : 1;
            yield return text.Substring(i, width);
            i += width - 1;
        }
    }

    /// <summary>The UTF-16 place of a code point; the text's end when it has no so many.</summary>
    public static int Utf16Index(string text, int codePoint)
    {
        var index = 0;
        for (; codePoint > 0 && index < text.Length; codePoint--)
            index += index + 1 < text.Length && char.IsSurrogatePair(text[index], text[index + 1]) ? 2 : 1;
        return index;
    }

    public static string Slice(string text, int start, int stop, int step)
    {
        if (step == 1) return start >= stop ? "" : text[Utf16Index(text, start)..Utf16Index(text, stop)];
        var characters = Characters(text).ToArray();
        var slice = new StringBuilder();
        for (var i = start; step > 0 ? i < stop : i > stop; i += step) slice.Append((string)characters[i]);
        return slice.ToString();
    }

    /// <summary>Order by code point; UTF-16 order differs where surrogates meet U+E000 and above.</summary>
    public static int Compare(string left, string right)
    {
        var common = Math.Min(left.Length, right.Length);
        for (var i = 0; i < common; i++)
        {
            if (left[i] == right[i]) continue;
            var (l, r) = (left[i], right[i]);
            if (char.IsSurrogate(l) != char.IsSurrogate(r)) return char.IsSurrogate(l) ? 1 : -1;
            return l.CompareTo(r);
        }

        return left.Length.CompareTo(right.Length);
    }

    /// <summary>What <c>repr</c> prints as it is; noncharacters too, since the chat format marks text with one and removes it later.</summary>
    public static bool IsPrintable(int code) => code is ' ' or (>= 0xFDD0 and <= 0xFDEF) || CharUnicodeInfo.GetUnicodeCategory(code) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.SpaceSeparator);

    public static string Strip(string text, string? characters, bool left = true, bool right = true)
    {
        var (start, end) = (0, text.Length);
        bool Strips(char character) => characters is null ? IsSpace(character) : characters.Contains(character, StringComparison.Ordinal);
        while (left && start < end && Strips(text[start])) start++;
        while (right && end > start && Strips(text[end - 1])) end--;
        return text[start..end];
    }

    public static string Upper(string text) => text.ToUpperInvariant().Replace("ß", "SS", StringComparison.Ordinal);

    public static string Lower(string text) => text.ToLowerInvariant();

    /// <summary>First character large, the rest small.</summary>
    public static string Capitalize(string text)
    {
        if (text.Length == 0) return text;
        var first = Utf16Index(text, 1);
        return text[..first].ToUpperInvariant() + Lower(text[first..]);
    }

    /// <summary><c>str.title</c>: a letter after a non-letter is large, every other small.</summary>
    public static string Title(string text)
    {
        var title = new StringBuilder(text.Length);
        var inWord = false;
        foreach (var rune in text.EnumerateRunes())
        {
            title.Append((inWord ? Rune.ToLowerInvariant(rune) : Rune.ToUpperInvariant(rune)).ToString());
            inWord = Rune.IsLetter(rune);
        }

        return title.ToString();
    }

    /// <summary>The lines of a text without their ends, as <c>splitlines</c> finds them.</summary>
    public static List<string> SplitLines(string text, bool keepEnds = false)
    {
        var lines = new List<string>();
        var start = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] is not ('\n' or '\r' or '\v' or '\f' or '\u001c' or '\u001d' or '\u001e' or '\u0085' or '\u2028' or '\u2029')) continue;
            var end = i;
            if (text[i] == '\r' && i + 1 < text.Length && text[i + 1] == '\n') i++;
            lines.Add(text[start..(keepEnds ? i + 1 : end)]);
            start = i + 1;
        }

        if (start < text.Length) lines.Add(text[start..]);
        return lines;
    }
}
