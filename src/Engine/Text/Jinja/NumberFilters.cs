using System.Globalization;
using System.Numerics;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>Filters to numbers.</summary>
internal static class NumberFilters
{
    public static object Integer(Interpreter interpreter, object value, Arguments arguments)
    {
        var bound = arguments.Bind("int", "default", "base");
        var fallback = bound[0] ?? BigInteger.Zero;
        if (value is Undefined undefined) throw new JinjaException(undefined.Message);
        if (Python.TryInteger(value, out var number)) return number;
        if (value is double real) return double.IsFinite(real) ? new BigInteger(real) : fallback;
        if (Python.AsString(value) is not { } text) return fallback;
        if (TryParse(text, Filters.Number(bound[1], 10), out number)) return number;
        return TryParse(text, out var parsed) && double.IsFinite(parsed) ? new BigInteger(parsed) : fallback;
    }

    public static object Float(Interpreter interpreter, object value, Arguments arguments)
    {
        var fallback = arguments.Bind("float", "default")[0] ?? 0.0;
        if (value is Undefined undefined) throw new JinjaException(undefined.Message);
        if (Python.TryNumber(value, out var number)) return number;
        return Python.AsString(value) is { } text && TryParse(text, out number) ? number : fallback;
    }

    public static object Round(Interpreter interpreter, object value, Arguments arguments)
    {
        var bound = arguments.Bind("round", "precision", "method");
        var precision = Math.Clamp(Filters.Number(bound[0], 0), -300, 300);
        var method = bound[1] is null ? "common" : Python.Text(bound[1]!);
        if (!Python.TryNumber(value, out var number)) throw new JinjaException($"'{Python.TypeName(value)}' cannot be rounded");
        if (method is "ceil" or "floor")
        {
            var scale = Math.Pow(10, precision);
            return (method == "ceil" ? Math.Ceiling(number * scale) : Math.Floor(number * scale)) / scale;
        }

        if (method != "common") throw new JinjaException("method must be common, ceil or floor");
        if (value is not double) return precision >= 0 ? Operators.Negate(value, false) : RoundInteger(value, -precision);
        if (!double.IsFinite(number)) return number;
        if (precision < 0) return (double)(BigInteger)RoundInteger(new BigInteger(Math.Round(number)), -precision);
        var rounded = double.Parse(NumberFormat.Fixed(Math.Abs(number), precision), CultureInfo.InvariantCulture);
        return number < 0 ? -rounded : rounded;
    }

    private static object RoundInteger(object value, int zeros)
    {
        Python.TryInteger(value, out var number);
        var unit = BigInteger.Pow(10, zeros);
        var quotient = BigInteger.DivRem(BigInteger.Abs(number), unit, out var remainder);
        var half = (2 * remainder).CompareTo(unit);
        if (half > 0 || (half == 0 && !quotient.IsEven)) quotient++;
        return quotient * unit * number.Sign;
    }

    private static bool TryParse(string text, out double number)
    {
        var trimmed = PythonString.Strip(text, null).Replace("_", "", StringComparison.Ordinal);
        switch (trimmed.TrimStart('+', '-').ToLowerInvariant())
        {
            case "inf" or "infinity": number = trimmed[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity; return true;
            case "nan": number = double.NaN; return true;
        }

        return double.TryParse(trimmed, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out number);
    }

    private static bool TryParse(string text, int radix, out BigInteger number)
    {
        number = 0;
        var digits = PythonString.Strip(text, null).ToLowerInvariant();
        var negative = digits.StartsWith('-');
        if (digits.StartsWith('-') || digits.StartsWith('+')) digits = digits[1..];
        var prefix = radix switch { 16 => "0x", 8 => "0o", 2 => "0b", _ => "" };
        if (prefix.Length > 0 && digits.StartsWith(prefix, StringComparison.Ordinal)) digits = digits[2..];
        if (digits.Length is 0 or > 4300 || digits[0] == '_' || digits[^1] == '_' || digits.Contains("__", StringComparison.Ordinal)) return false;
        foreach (var digit in digits.Replace("_", "", StringComparison.Ordinal))
        {
            var value = char.IsAsciiDigit(digit) ? digit - '0' : char.IsAsciiLetterLower(digit) ? digit - 'a' + 10 : int.MaxValue;
            if (value >= radix) return false;
            number = (number * radix) + value;
        }

        if (negative) number = -number;
        return true;
    }
}
