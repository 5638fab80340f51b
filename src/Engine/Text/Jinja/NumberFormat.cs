using System.Globalization;
using System.Numerics;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>Numbers and padding for the formats of <c>%</c> and <c>str.format</c>.</summary>
internal static class NumberFormat
{
    /// <summary>Pads to a width in code points; <c>=</c> puts the padding after the sign.</summary>
    public static string Pad(string text, int width, char fill, char alignment)
    {
        Limits.Check(width);
        var missing = width - PythonString.Length(text);
        if (missing <= 0) return text;
        switch (alignment)
        {
            case '<': return text + new string(fill, missing);
            case '^': return new string(fill, missing / 2) + text + new string(fill, missing - (missing / 2));
            case '=':
                var signed = text.Length > 0 && text[0] is '-' or '+' or ' ' ? 1 : 0;
                return text[..signed] + new string(fill, missing) + text[signed..];
            default: return new string(fill, missing) + text;
        }
    }

    public static string Signed(bool negative, string digits, char sign) => (negative ? "-" : sign == '-' ? "" : sign.ToString()) + digits;

    public static string Integer(BigInteger value, char kind, char sign, bool prefixed)
    {
        var size = BigInteger.Abs(value);
        var (digits, prefix) = kind switch
        {
            'x' => (Radix(size, 16), "0x"),
            'X' => (Radix(size, 16).ToUpperInvariant(), "0X"),
            'o' => (Radix(size, 8), "0o"),
            'b' => (Radix(size, 2), "0b"),
            _ => (size.ToString(CultureInfo.InvariantCulture), ""),
        };
        return Signed(value.Sign < 0, (prefixed ? prefix : "") + digits, sign);
    }

    public static string Real(double value, char kind, int precision, char sign, bool grouped)
    {
        if (precision > 1000) throw JinjaException.TooLarge("a number's precision");
        if (!double.IsFinite(value)) return Signed(value < 0, double.IsNaN(value) ? "nan" : "inf", sign);
        var size = Math.Abs(value);
        var text = char.ToLowerInvariant(kind) switch
        {
            'e' => Scientific(size, precision),
            'g' => General(size, Math.Max(precision, 1)),
            _ => Fixed(size, precision, grouped),
        };
        return Signed(value < 0 || (value == 0 && double.IsNegative(value)), char.IsUpper(kind) ? text.ToUpperInvariant() : text, sign);
    }

    /// <summary>The decimal nearest to the exact binary value, ties to even: .NET's own formats round ties away from zero.</summary>
    public static string Fixed(double size, int precision, bool grouped = false)
    {
        var bits = BitConverter.DoubleToInt64Bits(size);
        var exponent = (int)(bits >> 52) & 0x7FF;
        var mantissa = (bits & 0xFFFFFFFFFFFFF) | (exponent == 0 ? 0 : 1L << 52);
        var power = Math.Max(exponent, 1) - 1075;
        var numerator = mantissa * BigInteger.Pow(10, precision) * (power > 0 ? BigInteger.One << power : 1);
        var denominator = power < 0 ? BigInteger.One << -power : BigInteger.One;
        var quotient = BigInteger.DivRem(numerator, denominator, out var remainder);
        var half = (2 * remainder).CompareTo(denominator);
        if (half > 0 || (half == 0 && !quotient.IsEven)) quotient++;
        var digits = quotient.ToString(CultureInfo.InvariantCulture).PadLeft(precision + 1, '0');
        var whole = digits[..^precision];
        if (grouped) whole = BigInteger.Parse(whole, CultureInfo.InvariantCulture).ToString("N0", CultureInfo.InvariantCulture);
        return precision == 0 ? whole : whole + "." + digits[^precision..];
    }

    private static string Scientific(double value, int precision)
    {
        var text = value.ToString("E" + precision.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture); // 1.5E+003
        var mark = text.IndexOf('E', StringComparison.Ordinal);
        var exponent = int.Parse(text.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        return $"{text[..mark]}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
    }

    private static string General(double value, int precision)
    {
        if (value == 0) return "0";
        var scientific = Scientific(value, precision - 1);
        var mark = scientific.IndexOf('e', StringComparison.Ordinal);
        var exponent = int.Parse(scientific.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        if (exponent < -4 || exponent >= precision) return TrimZeros(scientific[..mark]) + scientific[mark..];
        return TrimZeros(Fixed(value, precision - 1 - exponent));
    }

    private static string TrimZeros(string digits) =>
        digits.Contains('.', StringComparison.Ordinal) ? digits.TrimEnd('0').TrimEnd('.') : digits;

    private static string Radix(BigInteger value, int radix)
    {
        if (value.IsZero) return "0";
        var digits = new Stack<char>();
        for (; !value.IsZero; value /= radix) digits.Push("0123456789abcdef"[(int)(value % radix)]);
        return string.Concat(digits);
    }
}
