using System.Globalization;
using System.Numerics;
using System.Text;

namespace ContinualService.Engine.Text.Jinja;

/// <summary><c>'%s of %d' % (a, b)</c>.</summary>
internal sealed class PercentFormat
{
    private readonly string _format;
    private readonly object _arguments;
    private readonly bool _escapes;
    private readonly StringBuilder _text = new();
    private int _position;
    private int _nextArgument;

    private PercentFormat(string format, object arguments, bool escapes)
    {
        _format = format;
        _arguments = arguments;
        _escapes = escapes;
    }

    public static object Apply(object format, object arguments)
    {
        var writer = new PercentFormat(Python.AsString(format)!, arguments, format is Markup);
        var text = writer.Write();
        return format is Markup ? new Markup(text) : text;
    }

    private string Write()
    {
        while (_position < _format.Length)
        {
            var next = _format.IndexOf('%', _position);
            if (next < 0) next = _format.Length;
            _text.Append(_format, _position, next - _position);
            _position = next + 1;
            if (next < _format.Length) WriteField();
            Limits.Check(_text.Length);
        }

        var given = _arguments is TupleValue tuple ? tuple.Items.Count : _arguments is DictValue ? _nextArgument : 1;
        if (_nextArgument < given) throw new JinjaException("not all arguments converted during string formatting");
        return _text.ToString();
    }

    private void WriteField()
    {
        object? value = null;
        if (Peek() == '(') value = ReadKey();
        var flags = ReadWhile(c => "#0- +".Contains(c, StringComparison.Ordinal));
        var width = ReadNumber() ?? 0;
        int? precision = null;
        if (Peek() == '.')
        {
            _position++;
            precision = ReadNumber() ?? 0;
        }

        var kind = Peek();
        _position++;
        if (kind == '%')
        {
            _text.Append('%');
            return;
        }

        Limits.Check(width);
        Limits.Check(precision ?? 0);
        var text = Convert(kind, value ?? NextArgument(), flags, precision);
        var zeros = flags.Contains('0', StringComparison.Ordinal) && !flags.Contains('-', StringComparison.Ordinal) && kind is not ('s' or 'r' or 'a' or 'c');
        _text.Append(flags.Contains('-', StringComparison.Ordinal) ? NumberFormat.Pad(text, width, ' ', '<') : NumberFormat.Pad(text, width, zeros ? '0' : ' ', zeros ? '=' : '>'));
    }

    private string Convert(char kind, object value, string flags, int? precision)
    {
        switch (kind)
        {
            case 's': return Cut(_escapes ? Markup.Escape(value) : Python.Text(value), precision);
            case 'r' or 'a': return Cut(Python.Repr(value), precision);
            case 'c': return Python.TryInteger(value, out var code) ? char.ConvertFromUtf32((int)code) : Python.Text(value);
        }

        var sign = flags.Contains('+', StringComparison.Ordinal) ? '+' : flags.Contains(' ', StringComparison.Ordinal) ? ' ' : '-';
        if (kind is 'd' or 'i' or 'u')
        {
            var number = value is double real ? new BigInteger(real)
                : Python.TryInteger(value, out var integer) ? integer
                : throw new JinjaException($"%{kind} format: a real number is required, not {Python.TypeName(value)}");
            return NumberFormat.Signed(number.Sign < 0, BigInteger.Abs(number).ToString(CultureInfo.InvariantCulture).PadLeft(precision ?? 0, '0'), sign);
        }

        if (kind is 'x' or 'X' or 'o') return NumberFormat.Integer(Python.TryInteger(value, out var whole) ? whole
            : throw new JinjaException($"%{kind} format: an integer is required, not {Python.TypeName(value)}"), kind, sign, flags.Contains('#', StringComparison.Ordinal));
        if (kind is not ('f' or 'F' or 'e' or 'E' or 'g' or 'G')) throw new JinjaException($"unsupported format character '{kind}'");
        return Python.TryNumber(value, out var x)
            ? NumberFormat.Real(x, kind, precision ?? 6, sign, false)
            : throw new JinjaException($"must be real number, not {Python.TypeName(value)}");
    }

    private static string Cut(string text, int? precision) =>
        precision is { } length ? text[..PythonString.Utf16Index(text, length)] : text;

    private object NextArgument()
    {
        var index = _nextArgument++;
        if (_arguments is TupleValue tuple) return index < tuple.Items.Count ? tuple.Items[index] : throw NotEnough();
        return index == 0 ? _arguments : throw NotEnough();
    }

    private static JinjaException NotEnough() => new("not enough arguments for format string");

    private object ReadKey()
    {
        var end = _format.IndexOf(')', _position);
        if (end < 0) throw new JinjaException("incomplete format key");
        var key = _format[(_position + 1)..end];
        _position = end + 1;
        if (_arguments is not DictValue dict) throw new JinjaException("format requires a mapping");
        return dict.TryGet(key, out var value) ? value : throw new JinjaException($"the format has no value for '{key}'");
    }

    private int? ReadNumber()
    {
        if (Peek() == '*')
        {
            _position++;
            return Python.ToIndex(NextArgument(), "a format width");
        }

        var digits = ReadWhile(char.IsAsciiDigit);
        if (digits.Length > 9) throw JinjaException.TooLarge("a text");
        return digits.Length == 0 ? null : int.Parse(digits, CultureInfo.InvariantCulture);
    }

    private string ReadWhile(Func<char, bool> accepts)
    {
        var start = _position;
        while (_position < _format.Length && accepts(_format[_position])) _position++;
        return _format[start.._position];
    }

    private char Peek() => _position < _format.Length ? _format[_position] : throw new JinjaException("incomplete format");
}
