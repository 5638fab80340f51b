using System.Globalization;
using System.Numerics;
using System.Text;

namespace ContinualService.Engine.Text.Jinja;

/// <summary><c>repr</c> of Python, within bounds.</summary>
internal sealed class ReprWriter
{
    private const int MaxDepth = 250; // only a namespace can hold itself, and then without end

    private readonly StringBuilder _text = new();
    private int _depth;

    public static string Write(object value)
    {
        var writer = new ReprWriter();
        writer.Append(value);
        return writer._text.ToString();
    }

    public static string Float(double value)
    {
        if (double.IsNaN(value)) return "nan";
        if (double.IsInfinity(value)) return value > 0 ? "inf" : "-inf";
        if (value == 0) return double.IsNegative(value) ? "-0.0" : "0.0";
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        var exponent = ExponentOf(text);
        var digits = Digits(text);
        var sign = value < 0 ? "-" : "";
        if (exponent is < -4 or >= 16)
        {
            var mantissa = digits.Length == 1 ? digits : digits[0] + "." + digits[1..];
            return $"{sign}{mantissa}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
        }

        if (exponent < 0) return sign + "0." + new string('0', -exponent - 1) + digits;
        if (digits.Length <= exponent + 1) return sign + digits.PadRight(exponent + 1, '0') + ".0";
        return sign + digits[..(exponent + 1)] + "." + digits[(exponent + 1)..];
    }

    /// <summary>The exponent of the first digit of a number's shortest text, which .NET writes plain or with E.</summary>
    private static int ExponentOf(string text)
    {
        var mark = text.IndexOf('E', StringComparison.Ordinal);
        var plain = mark < 0 ? text : text[..mark];
        var unsigned = plain.TrimStart('-');
        var point = unsigned.IndexOf('.', StringComparison.Ordinal);
        var whole = point < 0 ? unsigned : unsigned[..point];
        var shift = mark < 0 ? 0 : int.Parse(text.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        if (whole != "0") return whole.Length - 1 + shift;
        var zeros = unsigned[(point + 1)..].TakeWhile(digit => digit == '0').Count();
        return -zeros - 1 + shift;
    }

    private static string Digits(string text)
    {
        var mark = text.IndexOf('E', StringComparison.Ordinal);
        return (mark < 0 ? text : text[..mark]).Replace("-", "", StringComparison.Ordinal)
            .Replace(".", "", StringComparison.Ordinal).Trim('0');
    }

    private void Append(object value)
    {
        if (++_depth > MaxDepth || _text.Length > Limits.MaxTextLength) throw JinjaException.TooLarge("a printed value");
        switch (value)
        {
            case NoneValue: _text.Append("None"); break;
            case bool truth: _text.Append(truth ? "True" : "False"); break;
            case BigInteger number: _text.Append(number.ToString(CultureInfo.InvariantCulture)); break;
            case double number: _text.Append(Float(number)); break;
            case string text: AppendString(text); break;
            case Markup markup: Wrap("Markup(", [markup.Text], ")"); break;
            case ListValue list: Wrap("[", list.Items, "]"); break;
            case TupleValue tuple: Wrap("(", tuple.Items, tuple.Items.Count == 1 ? ",)" : ")"); break;
            case DictValue dict: AppendPairs(dict.Items); break;
            case DictView view: Wrap($"dict_{view.Kind}([", view.Values, "])"); break;
            case RangeValue range: AppendRange(range); break;
            case NamespaceValue space:
                _text.Append("<Namespace ");
                AppendPairs(space.Attributes);
                _text.Append('>');
                break;
            case LoopState loop: _text.Append(CultureInfo.InvariantCulture, $"<LoopContext {loop.Index0 + 1}/{loop.Length}>"); break;
            case Callable { IsMacro: true } macro: _text.Append("<Macro ").Append(Quote(macro.Name)).Append('>'); break;
            case Callable function: _text.Append("<function ").Append(function.Name).Append('>'); break;
            case GeneratorValue: _text.Append("<generator object>"); break;
            default: _text.Append("Undefined"); break;
        }

        _depth--;
    }

    private static string Quote(string text) => Write(text);

    private void Wrap(string open, IEnumerable<object> items, string close)
    {
        _text.Append(open);
        var first = true;
        foreach (var item in items)
        {
            if (!first) _text.Append(", ");
            first = false;
            Append(item);
        }

        _text.Append(close);
    }

    private void AppendPairs(IEnumerable<KeyValuePair<object, object>> pairs)
    {
        _text.Append('{');
        var first = true;
        foreach (var (key, value) in pairs)
        {
            if (!first) _text.Append(", ");
            first = false;
            Append(key);
            _text.Append(": ");
            Append(value);
        }

        _text.Append('}');
    }

    private void AppendRange(RangeValue range)
    {
        _text.Append(CultureInfo.InvariantCulture, $"range({range.Start}, {range.Stop}");
        if (!range.Step.IsOne) _text.Append(CultureInfo.InvariantCulture, $", {range.Step}");
        _text.Append(')');
    }

    private void AppendString(string text)
    {
        var quote = text.Contains('\'', StringComparison.Ordinal) && !text.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        _text.Append(quote);
        for (var i = 0; i < text.Length; i++)
        {
            var paired = char.IsSurrogatePair(text, i);
            var code = paired ? char.ConvertToUtf32(text, i) : text[i];
            AppendCharacter(code, quote);
            if (paired) i++;
        }

        _text.Append(quote);
    }

    private void AppendCharacter(int code, char quote)
    {
        if (code == quote || code == '\\') _text.Append('\\').Append((char)code);
        else if (code == '\n') _text.Append("\\n");
        else if (code == '\r') _text.Append("\\r");
        else if (code == '\t') _text.Append("\\t");
        else if (PythonString.IsPrintable(code)) _text.Append(char.ConvertFromUtf32(code));
        else if (code < 0x100) _text.Append(CultureInfo.InvariantCulture, $"\\x{code:x2}");
        else if (code < 0x10000) _text.Append(CultureInfo.InvariantCulture, $"\\u{code:x4}");
        else _text.Append(CultureInfo.InvariantCulture, $"\\U{code:x8}");
    }
}
