using System.Numerics;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>The functions every template can call.</summary>
internal static class GlobalFunctions
{
    public static object? Find(string name, Interpreter interpreter) => name switch
    {
        "range" => new Callable(name, Range),
        "dict" => new Callable(name, arguments => new DictValue(Pairs(arguments, name))),
        "namespace" => new Callable(name, arguments => new NamespaceValue(Pairs(arguments, name))),
        "joiner" => new Callable(name, Joiner),
        "raise_exception" => new Callable(name, arguments => throw new JinjaException(
            Python.Text(arguments.Bind(name, "message")[0] ?? NoneValue.Instance), JinjaException.RefusalAdvice)),
        "strftime_now" => new Callable(name, arguments =>
            Strftime.Format(Python.RequireText(arguments.Bind(name, "format")[0], "the format"), interpreter.Now)),
        _ => null,
    };

    private static RangeValue Range(Arguments arguments)
    {
        var values = arguments.Positional.Select(value => Python.TryInteger(value, out var number)
            ? number
            : throw new JinjaException($"'{Python.TypeName(value)}' object cannot be interpreted as an integer")).ToArray();
        if (values.Length is 0 or > 3 || arguments.Keywords.Count > 0) throw new JinjaException("range() takes one to three numbers");
        if (values.Length == 1) return new RangeValue(0, values[0], 1);
        if (values.Length == 3 && values[2].IsZero) throw new JinjaException("range() arg 3 must not be zero");
        return new RangeValue(values[0], values[1], values.Length == 3 ? values[2] : BigInteger.One);
    }

    /// <summary>The entries of <c>dict(...)</c>: a mapping or pairs first, then keywords.</summary>
    private static List<KeyValuePair<object, object>> Pairs(Arguments arguments, string name)
    {
        if (arguments.Positional.Count > 1) throw new JinjaException($"{name}() takes at most one positional argument");
        var entries = new List<KeyValuePair<object, object>>();
        if (arguments.Positional is [DictValue dict]) entries.AddRange(dict.Items);
        else if (arguments.Positional is [var items])
        {
            foreach (var item in Python.Iterate(items))
            {
                var pair = Python.Iterate(item).Take(3).ToArray();
                if (pair.Length != 2) throw new JinjaException($"{name}() needs pairs of key and value");
                entries.Add(KeyValuePair.Create(pair[0], pair[1]));
            }
        }

        var unique = new OrderedDictionary<object, object>(PythonEquality.Instance);
        foreach (var (key, value) in entries) unique[key] = value;
        foreach (var (key, value) in arguments.Keywords) unique[key] = value;
        return [.. unique];
    }

    private static Callable Joiner(Arguments arguments)
    {
        var separator = arguments.Bind("joiner", "sep")[0] ?? ", ";
        var used = false;
        return new Callable("joiner", _ =>
        {
            if (used) return separator;
            used = true;
            return "";
        });
    }
}
