using System.Globalization;
using System.Numerics;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>Number literals of templates and JSON: whole numbers of any size, or doubles.</summary>
internal static class NumberLiteral
{
    private const int MaxDigits = 4300; // Python's own bound on reading integers

    public static object Read(string literal)
    {
        var text = literal.Replace("_", "", StringComparison.Ordinal);
        if (text.Length > MaxDigits) throw JinjaException.TooLarge("a number");
        if (text.Length > 2 && text[0] == '0' && char.ToLowerInvariant(text[1]) is 'b' or 'o' or 'x' && text.Length > 2)
            return ReadBase(text[2..], char.ToLowerInvariant(text[1]) switch { 'b' => 2, 'o' => 8, _ => 16 });
        return text.AsSpan().IndexOfAny(".eE") < 0
            ? BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)
            : double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
    }

    private static BigInteger ReadBase(string digits, int radix)
    {
        var value = BigInteger.Zero;
        foreach (var digit in digits) value = value * radix + Convert.ToInt32(digit.ToString(), 16);
        return value;
    }
}
