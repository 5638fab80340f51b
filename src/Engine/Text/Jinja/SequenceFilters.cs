using System.Numerics;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>Filters that take a sequence apart or put it together.</summary>
internal static class SequenceFilters
{
    public static object Join(Interpreter interpreter, object value, Arguments arguments)
    {
        var bound = arguments.Bind("join", "d", "attribute");
        var items = Python.Iterate(value);
        if (bound[1] is { } attribute and not NoneValue) items = items.Select(item => SelectFilters.Get(item, attribute, null));
        return StringMethods.Join(bound[0] is null ? "" : Python.Text(bound[0]!), new GeneratorValue([.. items.Select(Python.Text)]));
    }

    public static object Items(Interpreter interpreter, object value, Arguments arguments) => value switch
    {
        Undefined => new GeneratorValue([]),
        DictValue dict => new GeneratorValue([.. new DictView("items", dict).Values]),
        _ => throw new JinjaException("Can only get item pairs from a mapping."),
    };

    public static object Last(Interpreter interpreter, object value, Arguments arguments) => value is GeneratorValue
        ? throw new JinjaException("'generator' object is not reversible")
        : Python.Iterate(value).LastOrDefault() ?? new Undefined("No last item, sequence was empty.");

    public static object Reverse(Interpreter interpreter, object value, Arguments arguments)
    {
        if (value is string text) return PythonString.Slice(text, PythonString.Length(text) - 1, -1, -1);
        var items = Python.Iterate(value).Reverse().ToArray();
        return value is GeneratorValue ? new ListValue(items) : new GeneratorValue(items);
    }

    public static object Sum(Interpreter interpreter, object value, Arguments arguments)
    {
        var bound = arguments.Bind("sum", "attribute", "start");
        var items = Python.Iterate(value);
        if (bound[0] is { } attribute and not NoneValue) items = items.Select(item => SelectFilters.Get(item, attribute, null));
        return items.Aggregate(bound[1] ?? BigInteger.Zero, (sum, item) => Python.AsString(sum) is null
            ? Operators.Apply("+", sum, item)
            : throw new JinjaException("sum() can't sum strings"));
    }

    public static object Batch(Interpreter interpreter, object value, Arguments arguments)
    {
        var bound = arguments.Bind("batch", "linecount", "fill_with");
        var size = Filters.Number(bound[0], 0);
        if (size <= 0) throw new JinjaException("batch needs a positive size");
        Limits.Check(size);
        var batches = Python.Iterate(value).Chunk(size).Select(chunk => chunk.ToList()).ToList();
        if (bound[1] is { } fill and not NoneValue && batches.Count > 0)
        {
            while (batches[^1].Count < size) batches[^1].Add(fill);
        }

        return new GeneratorValue([.. batches.Select(batch => (object)new ListValue(batch))]);
    }

    /// <summary>Cuts into a number of columns, the longer ones first.</summary>
    public static object Slice(Interpreter interpreter, object value, Arguments arguments)
    {
        var bound = arguments.Bind("slice", "slices", "fill_with");
        var count = Filters.Number(bound[0], 0);
        if (count <= 0) throw new JinjaException("slice needs a positive count");
        Limits.Check(count);
        var items = Python.Iterate(value).ToArray();
        var (size, extra) = (items.Length / count, items.Length % count);
        var columns = new List<object>();
        for (var i = 0; i < count; i++)
        {
            var start = (i * size) + Math.Min(i, extra);
            var column = items[start..(start + size + (i < extra ? 1 : 0))].ToList();
            if (bound[1] is { } fill and not NoneValue && i >= extra) column.Add(fill);
            columns.Add(new ListValue(column));
        }

        return new GeneratorValue(columns);
    }
}
