using System.Globalization;
using System.Numerics;
using System.Text;

namespace ContinualService.Engine.Text.Jinja;

/// <summary><c>str.format</c>: <c>'{} {name!r:&gt;10}'.format(...)</c>.</summary>
internal static class StringFormat
{
    public static string Apply(string format, Arguments arguments)
    {
        var text = new StringBuilder();
        var automatic = 0;
        for (var i = 0; i < format.Length; i++)
        {
            var character = format[i];
            if (character is '{' or '}' && i + 1 < format.Length && format[i + 1] == character) i++;
            else if (character == '}') throw new JinjaException("single '}' encountered in format string");
            else if (character == '{')
            {
                var end = FieldEnd(format, i + 1);
                text.Append(Field(format[(i + 1)..end], arguments, ref automatic));
                Limits.Check(text.Length);
                i = end;
                continue;
            }

            text.Append(character);
        }

        return text.ToString();
    }

    private static int FieldEnd(string format, int start)
    {
        var depth = 1;
        for (var i = start; i < format.Length; i++)
        {
            if (format[i] == '{') depth++;
            else if (format[i] == '}' && --depth == 0) return i;
        }

        throw new JinjaException("expected '}' before end of string");
    }

    private static string Field(string field, Arguments arguments, ref int automatic)
    {
        var colon = field.IndexOf(':', StringComparison.Ordinal);
        var specification = colon < 0 ? "" : field[(colon + 1)..];
        var name = colon < 0 ? field : field[..colon];
        var bang = name.IndexOf('!', StringComparison.Ordinal);
        var conversion = bang < 0 ? "" : name[(bang + 1)..];
        if (bang >= 0) name = name[..bang];
        var value = Lookup(name, arguments, ref automatic);
        if (specification.Contains('{', StringComparison.Ordinal)) specification = Nested(specification, arguments, ref automatic);
        return Write(conversion switch { "" => value, "s" => Python.Text(value), _ => Python.Repr(value) }, specification);
    }

    private static string Nested(string specification, Arguments arguments, ref int automatic)
    {
        var open = specification.IndexOf('{', StringComparison.Ordinal);
        var close = specification.IndexOf('}', open);
        if (close < 0) throw new JinjaException("expected '}' before end of string");
        return specification[..open] + Python.Text(Lookup(specification[(open + 1)..close], arguments, ref automatic)) + specification[(close + 1)..];
    }

    private static object Lookup(string name, Arguments arguments, ref int automatic)
    {
        var end = name.AsSpan().IndexOfAny('.', '[');
        var head = end < 0 ? name : name[..end];
        object value;
        if (head.Length == 0 || head.All(char.IsAsciiDigit))
        {
            var index = head.Length == 0 ? automatic++ : head.Length > 6 ? int.MaxValue : int.Parse(head, CultureInfo.InvariantCulture);
            value = index < arguments.Positional.Count ? arguments.Positional[index]
                : throw new JinjaException($"replacement index {index} out of range for positional arguments");
        }
        else if (!arguments.Keywords.TryGetValue(head, out value!))
        {
            throw new JinjaException($"the format has no value for '{head}'");
        }

        return end < 0 ? value : Follow(value, name[end..]);
    }

    private static object Follow(object value, string path)
    {
        while (path.Length > 0)
        {
            var bracket = path[0] == '[';
            var end = bracket ? path.IndexOf(']', StringComparison.Ordinal) : path.AsSpan(1).IndexOfAny('.', '[') + 1;
            if (end < 0) throw new JinjaException("missing ']' in format string");
            if (!bracket && end == 0) end = path.Length;
            var key = path[1..end];
            value = bracket
                ? Members.Item(value, key.Length is > 0 and < 7 && key.All(char.IsAsciiDigit) ? BigInteger.Parse(key, CultureInfo.InvariantCulture) : key)
                : Members.Attribute(value, key);
            path = path[(bracket ? end + 1 : end)..];
        }

        return value;
    }

    /// <summary>[[fill]align][sign][#][0][width][,][.precision][type]</summary>
    private static string Write(object value, string specification)
    {
        if (specification.Length == 0) return Python.Text(value);
        var reader = new FormatSpecification(specification);
        var number = value is double or BigInteger or bool && !(value is bool && reader.Kind is '\0' or 's');
        if (!number) return NumberFormat.Pad(Cut(Python.Text(value), reader.Precision), reader.Width, reader.Fill ?? ' ', reader.Alignment ?? '<');
        return NumberFormat.Pad(Number(value, reader), reader.Width, reader.Fill ?? ' ', reader.Alignment ?? '>');
    }

    private static string Cut(string text, int? precision) => precision is { } length ? text[..PythonString.Utf16Index(text, length)] : text;

    private static string Number(object value, FormatSpecification format)
    {
        Python.TryNumber(value, out var real);
        if (Python.TryInteger(value, out var integer) && format.Kind is '\0' or 'd' or 'x' or 'X' or 'o' or 'b' or 'n')
        {
            if (!format.Grouped) return NumberFormat.Integer(integer, format.Kind, format.Sign, format.Prefixed);
            return NumberFormat.Signed(integer.Sign < 0, BigInteger.Abs(integer).ToString("N0", CultureInfo.InvariantCulture), format.Sign);
        }

        if (format.Kind is 'd' or 'x' or 'X' or 'o' or 'b') throw new JinjaException($"unknown format code '{format.Kind}' for a float");
        if (format.Kind == '%') return NumberFormat.Real(real * 100, 'f', format.Precision ?? 6, format.Sign, false) + "%";
        if (format.Kind == '\0' && format.Precision is null) return NumberFormat.Signed(real < 0, ReprWriter.Float(Math.Abs(real)), format.Sign);
        return NumberFormat.Real(real, format.Kind == '\0' ? 'g' : format.Kind, format.Precision ?? 6, format.Sign, format.Grouped);
    }
}
