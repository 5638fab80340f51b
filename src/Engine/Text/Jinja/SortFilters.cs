namespace ContinualService.Engine.Text.Jinja;

/// <summary>Filters that compare items; unless asked otherwise, letters compare without case.</summary>
internal static class SortFilters
{
    private static readonly Comparer<object> Order = Comparer<object>.Create((left, right) => PythonEquality.Compare(left, right));

    public static object Sort(Interpreter interpreter, object value, Arguments arguments)
    {
        var bound = arguments.Bind("sort", "reverse", "case_sensitive", "attribute");
        return new ListValue(Sorted(Python.Iterate(value), item => Key(item, bound[2], Filters.Flag(bound[1])), Filters.Flag(bound[0])));
    }

    public static object DictSort(Interpreter interpreter, object value, Arguments arguments)
    {
        var bound = arguments.Bind("dictsort", "case_sensitive", "by", "reverse");
        if (value is not DictValue dict) throw new JinjaException($"'{Python.TypeName(value)}' object has no items to sort");
        var by = bound[1] is null ? "key" : Python.Text(bound[1]!);
        if (by is not ("key" or "value")) throw new JinjaException("You can only sort by either \"key\" or \"value\"");
        var index = by == "key" ? 0 : 1;
        return new ListValue(Sorted(
            new DictView("items", dict).Values,
            item => IgnoreCase(((TupleValue)item).Items[index], Filters.Flag(bound[0])),
            Filters.Flag(bound[2])));
    }

    public static object Unique(Interpreter interpreter, object value, Arguments arguments)
    {
        var bound = arguments.Bind("unique", "case_sensitive", "attribute");
        return new GeneratorValue([.. Python.Iterate(value).DistinctBy(item => Key(item, bound[1], Filters.Flag(bound[0])), PythonEquality.Instance)]);
    }

    public static object Extreme(object value, Arguments arguments, int direction)
    {
        var bound = arguments.Bind(direction > 0 ? "max" : "min", "case_sensitive", "attribute");
        object? best = null, bestKey = null;
        foreach (var item in Python.Iterate(value))
        {
            var key = Key(item, bound[1], Filters.Flag(bound[0]));
            if (bestKey is not null && PythonEquality.Compare(key, bestKey) * direction <= 0) continue;
            (best, bestKey) = (item, key);
        }

        return best ?? new Undefined("No aggregated item, sequence was empty.");
    }

    public static object GroupBy(Interpreter interpreter, object value, Arguments arguments)
    {
        var bound = arguments.Bind("groupby", "attribute", "default", "case_sensitive");
        var attribute = bound[0] ?? throw new JinjaException("groupby needs an attribute");
        var sensitive = Filters.Flag(bound[2]);
        object KeyOf(object item) => SelectFilters.Get(item, attribute, bound[1]);
        var groups = new List<object>();
        var sorted = Sorted(Python.Iterate(value), item => IgnoreCase(KeyOf(item), sensitive), reverse: false);
        for (var start = 0; start < sorted.Count;)
        {
            var key = IgnoreCase(KeyOf(sorted[start]), sensitive);
            var end = start + 1;
            while (end < sorted.Count && PythonEquality.AreEqual(IgnoreCase(KeyOf(sorted[end]), sensitive), key)) end++;
            groups.Add(new TupleValue([KeyOf(sorted[start]), new ListValue(sorted[start..end])]) { FieldNames = ["grouper", "list"] });
            start = end;
        }

        return new ListValue(groups);
    }

    private static List<object> Sorted(IEnumerable<object> items, Func<object, object> key, bool reverse)
    {
        // Python keeps equal items in their order when reversing too; OrderByDescending does the same.
        try
        {
            return reverse ? [.. items.OrderByDescending(key, Order)] : [.. items.OrderBy(key, Order)];
        }
        catch (InvalidOperationException failure) when (failure.InnerException is JinjaException inner)
        {
            // The sort wraps what the comparer throws.
            throw new JinjaException(inner.Message, inner.Advice);
        }
    }

    private static object Key(object item, object? attribute, bool caseSensitive)
    {
        if (attribute is null or NoneValue) return IgnoreCase(item, caseSensitive);
        if (Python.AsString(attribute) is not { } paths || !paths.Contains(',', StringComparison.Ordinal))
            return IgnoreCase(SelectFilters.Get(item, attribute, null), caseSensitive);
        return new TupleValue([.. paths.Split(',').Select(path => IgnoreCase(SelectFilters.Get(item, path, null), caseSensitive))]);
    }

    private static object IgnoreCase(object value, bool caseSensitive) =>
        !caseSensitive && Python.AsString(value) is { } text ? PythonString.Lower(text) : value;
}
