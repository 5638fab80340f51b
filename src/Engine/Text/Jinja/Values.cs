using System.Numerics;

namespace ContinualService.Engine.Text.Jinja;

// The values of a running template, as Python has them: NoneValue, bool, BigInteger, double, string, Markup, and the types below.
// Containers are immutable, as in the sandbox that templates run in elsewhere; only a namespace can be assigned to.

/// <summary>Python's <c>None</c>.</summary>
internal sealed class NoneValue
{
    public static readonly NoneValue Instance = new();

    private NoneValue()
    {
    }
}

/// <summary>A missing value: prints as nothing, is false and empty; anything else that is done with it is an error.</summary>
internal sealed class Undefined(string message)
{
    public string Message { get; } = message;

    public static Undefined Variable(string name) => new($"'{name}' is undefined");

    public static Undefined Missing(object owner, object key) => new(key is string name
        ? $"'{Python.ObjectName(owner)}' has no attribute '{name}'"
        : $"{Python.ObjectName(owner)} has no element {Python.Repr(key)}");
}

/// <summary>A string marked safe for HTML: what is added to it is escaped.</summary>
internal sealed class Markup(string text)
{
    public string Text { get; } = text;

    public static string Escape(object value) => value is Markup markup
        ? markup.Text
        : Python.Text(value).Replace("&", "&amp;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal)
            .Replace("<", "&lt;", StringComparison.Ordinal).Replace("'", "&#39;", StringComparison.Ordinal)
            .Replace("\"", "&#34;", StringComparison.Ordinal);
}

/// <summary>A container that knows its size and depth when built, so that no later walk through it can run away.</summary>
internal abstract class Container
{
    private const int MaxDepth = 200;

    public long Weight { get; private set; } = 1;

    public int Depth { get; private set; } = 1;

    public static long WeightOf(object value) => value switch
    {
        Container container => container.Weight,
        string text => 1 + text.Length,
        Markup markup => 1 + markup.Text.Length,
        _ => 1,
    };

    protected void Count(object item)
    {
        Weight += WeightOf(item);
        if (item is Container inner) Depth = Math.Max(Depth, inner.Depth + 1);
        if (Weight > Limits.MaxTextLength || Depth > MaxDepth) throw JinjaException.TooLarge("a list or dictionary");
    }
}

internal abstract class SequenceValue : Container
{
    protected SequenceValue(IReadOnlyList<object> items)
    {
        Items = items;
        foreach (var item in items) Count(item);
    }

    public IReadOnlyList<object> Items { get; }

    public abstract SequenceValue With(IReadOnlyList<object> items);
}

internal sealed class ListValue(IReadOnlyList<object> items) : SequenceValue(items)
{
    public override SequenceValue With(IReadOnlyList<object> items) => new ListValue(items);
}

internal sealed class TupleValue(IReadOnlyList<object> items) : SequenceValue(items)
{
    /// <summary>Names of the fields, for what <c>groupby</c> gives.</summary>
    public IReadOnlyList<string> FieldNames { get; init; } = [];

    public override SequenceValue With(IReadOnlyList<object> items) => new TupleValue(items);
}

/// <summary>A dictionary in insertion order; a repeated key keeps its place and takes the last value.</summary>
internal sealed class DictValue : Container
{
    private readonly OrderedDictionary<object, object> _items = new(PythonEquality.Instance);

    public DictValue(IEnumerable<KeyValuePair<object, object>> items)
    {
        foreach (var (key, value) in items)
        {
            Count(key);
            Count(value);
            _items[key] = value;
        }
    }

    public IReadOnlyList<KeyValuePair<object, object>> Items => [.. _items];

    public OrderedDictionary<object, object>.KeyCollection Keys => _items.Keys;

    public int Length => _items.Count;

    public bool TryGet(object key, out object value) => _items.TryGetValue(key, out value!);
}

/// <summary>What <c>items()</c>, <c>keys()</c> and <c>values()</c> of a dictionary give.</summary>
internal sealed class DictView(string kind, DictValue dict)
{
    public string Kind { get; } = kind;

    public int Length => dict.Length;

    public IEnumerable<object> Values => Kind switch
    {
        "items" => dict.Items.Select(pair => (object)new TupleValue([pair.Key, pair.Value])),
        "keys" => dict.Keys,
        _ => dict.Items.Select(pair => pair.Value),
    };
}

internal sealed class RangeValue(BigInteger start, BigInteger stop, BigInteger step)
{
    public BigInteger Start { get; } = start;

    public BigInteger Stop { get; } = stop;

    public BigInteger Step { get; } = step;

    public int Length { get; } = CountOf(start, stop, step);

    public object this[int index] => Start + (index * Step);

    private static int CountOf(BigInteger start, BigInteger stop, BigInteger step)
    {
        var span = step.Sign > 0 ? stop - start : start - stop;
        var count = span.Sign <= 0 ? 0 : (span + BigInteger.Abs(step) - 1) / BigInteger.Abs(step);
        return count <= Limits.MaxRange ? (int)count : throw JinjaException.TooLarge("a range");
    }
}

/// <summary>What <c>map</c>, <c>select</c> and their like give: items that can be read once, without a length.</summary>
internal sealed class GeneratorValue(IReadOnlyList<object> items)
{
    private int _next;

    public IEnumerable<object> Rest()
    {
        while (_next < items.Count) yield return items[_next++];
    }
}

/// <summary>A <c>namespace()</c>: the one thing a template can change.</summary>
internal sealed class NamespaceValue(IEnumerable<KeyValuePair<object, object>> items)
{
    public OrderedDictionary<object, object> Attributes { get; } = new(items, PythonEquality.Instance);
}

/// <summary>Something that can be called: a method, a global function, a macro.</summary>
internal sealed class Callable(string name, Func<Arguments, object> body)
{
    public string Name { get; } = name;

    public Func<Arguments, object> Body { get; } = body;

    /// <summary>A macro takes <c>caller</c> as a keyword.</summary>
    public bool IsMacro { get; init; }
}
