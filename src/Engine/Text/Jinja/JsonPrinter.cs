using System.Globalization;
using System.Numerics;
using System.Text;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>The filter <c>tojson</c> as transformers defines it: Python's <c>json.dumps</c>, without escaping for HTML.</summary>
internal sealed class JsonPrinter
{
    private readonly StringBuilder _text = new();
    private readonly bool _ascii;
    private readonly bool _sorted;
    private readonly string? _indent;
    private readonly string _itemSeparator;
    private readonly string _keySeparator;
    private int _depth;

    private JsonPrinter(object?[] options)
    {
        _ascii = options[0] is { } ascii && Python.IsTrue(ascii);
        _indent = options[1] switch
        {
            null or NoneValue => null,
            var indent when Python.AsString(indent) is { } text => text,
            var indent => new string(' ', Math.Clamp(Python.ToIndex(indent, "indent"), 0, 1000)),
        };
        _itemSeparator = _indent is null ? ", " : ",";
        _keySeparator = ": ";
        if (options[2] is SequenceValue { Items.Count: 2 } separators)
        {
            _itemSeparator = Python.RequireText(separators.Items[0], "a separator");
            _keySeparator = Python.RequireText(separators.Items[1], "a separator");
        }

        _sorted = options[3] is { } sorted && Python.IsTrue(sorted);
    }

    public static object Print(object value, Arguments arguments)
    {
        var printer = new JsonPrinter(arguments.Bind("tojson", "ensure_ascii", "indent", "separators", "sort_keys"));
        printer.Append(value);
        return printer._text.ToString();
    }

    private void Append(object value)
    {
        Limits.Check(_text.Length);
        switch (value)
        {
            case NoneValue: _text.Append("null"); break;
            case bool truth: _text.Append(truth ? "true" : "false"); break;
            case BigInteger number: _text.Append(number.ToString(CultureInfo.InvariantCulture)); break;
            case double number: _text.Append(Number(number)); break;
            case SequenceValue sequence: AppendItems('[', sequence.Items, Append, ']'); break;
            case DictValue dict: AppendItems('{', Pairs(dict), AppendPair, '}'); break;
            default:
                AppendString(Python.AsString(value)
                    ?? throw new JinjaException($"Object of type {Python.TypeName(value)} is not JSON serializable"));
                break;
        }
    }

    private static string Number(double number) =>
        double.IsFinite(number) ? ReprWriter.Float(number) : double.IsNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity";

    private void AppendItems<T>(char open, IReadOnlyList<T> items, Action<T> append, char close)
    {
        _text.Append(open);
        _depth++;
        for (var i = 0; i < items.Count; i++)
        {
            if (i > 0) _text.Append(_itemSeparator);
            NewLine();
            append(items[i]);
        }

        _depth--;
        if (items.Count > 0) NewLine();
        _text.Append(close);
    }

    private void NewLine()
    {
        if (_indent is null) return;
        _text.Append('\n');
        for (var i = 0; i < _depth; i++) _text.Append(_indent);
        Limits.Check(_text.Length);
    }

    private IReadOnlyList<KeyValuePair<object, object>> Pairs(DictValue dict) => _sorted
        ? [.. dict.Items.OrderBy(pair => pair.Key, Comparer<object>.Create((left, right) => PythonEquality.Compare(left, right)))]
        : dict.Items;

    private void AppendPair(KeyValuePair<object, object> pair)
    {
        AppendString(pair.Key switch
        {
            NoneValue => "null",
            bool truth => truth ? "true" : "false",
            double number => Number(number),
            TupleValue => throw new JinjaException("keys must be str, int, float, bool or None, not tuple"),
            var key => Python.Text(key),
        });
        _text.Append(_keySeparator);
        Append(pair.Value);
    }

    private void AppendString(string text)
    {
        _text.Append('"');
        foreach (var character in text)
        {
            switch (character)
            {
                case '"': _text.Append("\\\""); break;
                case '\\': _text.Append("\\\\"); break;
                case '\n': _text.Append("\\n"); break;
                case '\r': _text.Append("\\r"); break;
                case '\t': _text.Append("\\t"); break;
                case '\f': _text.Append("\\f"); break;
                case '\b': _text.Append("\\b"); break;
                default:
                    if (character < ' ' || (_ascii && character > '~')) _text.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:x4}");
                    else _text.Append(character);
                    break;
            }
        }

        _text.Append('"');
    }
}
