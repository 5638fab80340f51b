using System.Globalization;
using System.Text;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>The escapes of Python string literals, which Jinja2 uses in its own.</summary>
internal static class StringEscapes
{
    /// <returns>Null when an escape is malformed.</returns>
    public static string? Decode(ReadOnlySpan<char> literal)
    {
        if (!literal.Contains('\\')) return literal.ToString();
        var text = new StringBuilder(literal.Length);
        for (var i = 0; i < literal.Length; i++)
        {
            if (literal[i] != '\\' || i + 1 >= literal.Length)
            {
                text.Append(literal[i]);
                continue;
            }

            i++;
            var digits = literal[i] switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
            if (digits > 0)
            {
                if (!TryAppendHex(text, literal[(i + 1)..], digits)) return null;
                i += digits;
            }
            else if (literal[i] is >= '0' and <= '7')
            {
                i += AppendOctal(text, literal[i..]) - 1;
            }
            else
            {
                AppendSimple(text, literal[i]);
            }
        }

        return text.ToString();
    }

    private static bool TryAppendHex(StringBuilder text, ReadOnlySpan<char> rest, int digits)
    {
        if (rest.Length < digits) return false;
        if (!uint.TryParse(rest[..digits], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code) || code > 0x10FFFF) return false;
        if (code < 0x10000) text.Append((char)code); // a lone surrogate is legal in a Python literal
        else text.Append(char.ConvertFromUtf32((int)code));
        return true;
    }

    private static int AppendOctal(StringBuilder text, ReadOnlySpan<char> rest)
    {
        var (code, count) = (0, 0);
        while (count < 3 && count < rest.Length && rest[count] is >= '0' and <= '7') code = code * 8 + (rest[count++] - '0');
        text.Append((char)code);
        return count;
    }

    private static void AppendSimple(StringBuilder text, char escape)
    {
        switch (escape)
        {
            case '\n': break;
            case 'n': text.Append('\n'); break;
            case 't': text.Append('\t'); break;
            case 'r': text.Append('\r'); break;
            case 'a': text.Append('\a'); break;
            case 'b': text.Append('\b'); break;
            case 'f': text.Append('\f'); break;
            case 'v': text.Append('\v'); break;
            case '\\' or '\'' or '"': text.Append(escape); break;
            default: text.Append('\\').Append(escape); break; // Python keeps an unknown escape as it stands
        }
    }
}
