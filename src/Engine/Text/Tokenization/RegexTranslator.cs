using System.Buffers;
using System.Globalization;
using System.Text;

namespace ContinualService.Engine.Text.Tokenization;

/// <summary>
/// Rewrites the Oniguruma syntax of tokenizer files as .NET syntax: possessive quantifiers become atomic groups, {n,m}+ repeats
/// (as in Ruby's dialect), \w gets the Unicode definition, \x{H} becomes \uHHHH. What .NET would read differently is refused.
/// </summary>
internal static class RegexTranslator
{
    private static readonly SearchValues<char> CountChars = SearchValues.Create("0123456789,");

    private const string WordChars = @"\w\p{M}\p{Nl}\u24B6-\u24E9";

    /// <exception cref="ArgumentException">The pattern uses something that has no faithful translation.</exception>
    public static string Translate(string pattern)
    {
        var output = new StringBuilder(pattern.Length + 16);
        var groups = new Stack<int>();
        var atom = 0; // where the last complete atom begins in output: what a quantifier applies to
        for (var i = 0; i < pattern.Length;)
        {
            var c = pattern[i];
            switch (c)
            {
                case '\\':
                    atom = output.Length;
                    i = Escape(pattern, i, output, inClass: false);
                    break;
                case '[':
                    atom = output.Length;
                    i = Class(pattern, i, output);
                    break;
                case '(':
                    groups.Push(output.Length);
                    output.Append(c);
                    i++;
                    if (i < pattern.Length && pattern[i] == '?')
                        output.Append(pattern[i++]);
                    break;
                case ')':
                    atom = groups.Count > 0 ? groups.Pop() : throw new ArgumentException("unbalanced )");
                    output.Append(c);
                    i++;
                    break;
                case '?' or '*' or '+':
                    i = Quantifier(pattern, i, i + 1, output, atom);
                    break;
                case '{' when pattern.IndexOf('}', i) is > 0 and var close && IsCount(pattern.AsSpan(i + 1, close - i - 1)):
                    i = Quantifier(pattern, i, close + 1, output, atom);
                    break;
                default:
                    atom = output.Length;
                    output.Append(Literal(c));
                    i++;
                    break;
            }
        }

        return output.ToString();
    }

    private static bool IsCount(ReadOnlySpan<char> text) => text.Length > 0 && !text.ContainsAnyExcept(CountChars) && text[0] != ',';

    private static char Literal(char c) =>
        char.IsSurrogate(c) ? throw new ArgumentException("chars outside the basic plane in a pattern are not supported") : c;

    private static int Quantifier(string pattern, int start, int end, StringBuilder output, int atom)
    {
        output.Append(pattern.AsSpan(start, end - start));
        if (end >= pattern.Length)
            return end;
        if (pattern[end] == '?')
        {
            output.Append('?');
            return end + 1;
        }

        if (pattern[end] != '+')
            return end;
        output.Insert(atom, pattern[start] == '{' ? "(?:" : "(?>");
        output.Append(pattern[start] == '{' ? ")+" : ")");
        return end + 1;
    }

    private static int Class(string pattern, int i, StringBuilder output)
    {
        output.Append(pattern[i++]);
        if (i < pattern.Length && pattern[i] == '^')
            output.Append(pattern[i++]);
        for (var first = true; i < pattern.Length && (first || pattern[i] != ']'); first = false)
        {
            switch (pattern[i])
            {
                case '\\':
                    i = Escape(pattern, i, output, inClass: true);
                    break;
                case '[':
                    throw new ArgumentException("nested character classes are not supported");
                case '&' when i + 1 < pattern.Length && pattern[i + 1] == '&':
                    throw new ArgumentException("intersections of character classes (&&) are not supported");
                default:
                    output.Append(Literal(pattern[i++]));
                    break;
            }
        }

        if (i >= pattern.Length)
            throw new ArgumentException("unterminated character class");
        output.Append(pattern[i]);
        return i + 1;
    }

    private static int Escape(string pattern, int i, StringBuilder output, bool inClass)
    {
        if (i + 1 >= pattern.Length)
            throw new ArgumentException("pattern ends in a backslash");
        var c = pattern[i + 1];
        switch (c)
        {
            case 'p' or 'P' when i + 2 < pattern.Length && pattern[i + 2] == '{' && pattern.IndexOf('}', i) is > 0 and var close:
                output.Append(pattern.AsSpan(i, close + 1 - i));
                return close + 1;
            case 'x' when i + 2 < pattern.Length && pattern[i + 2] == '{' && pattern.IndexOf('}', i) is > 0 and var close:
                var code = int.Parse(pattern.AsSpan(i + 3, close - i - 3), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                if (code > 0xFFFF)
                    throw new ArgumentException("chars outside the basic plane in a pattern are not supported");
                output.Append(CultureInfo.InvariantCulture, $"\\u{code:X4}");
                return close + 1;
            case 'w':
                output.Append(inClass ? WordChars : $"[{WordChars}]");
                return i + 2;
            case 'W' when !inClass:
                output.Append(CultureInfo.InvariantCulture, $"[^{WordChars}]");
                return i + 2;
            case 'h' or 'H' or 'R' or 'X' or 'K' or 'O' or 'N' or 'G' or 'y' or 'Y' or 'W' or 'b' or 'B':
                throw new ArgumentException($"the escape \\{c} is not supported");
            default:
                output.Append('\\').Append(Literal(c));
                return i + 2;
        }
    }
}
