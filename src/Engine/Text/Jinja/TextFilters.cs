using System.Numerics;
using System.Text;
using System.Text.RegularExpressions;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>Filters on text.</summary>
internal static partial class TextFilters
{
    public static object Trim(Interpreter interpreter, object value, Arguments arguments)
    {
        var characters = arguments.Bind("trim", "chars")[0];
        var text = PythonString.Strip(Python.Text(value), characters is null or NoneValue ? null : Python.RequireText(characters, "the characters to strip"));
        return value is Markup ? new Markup(text) : text;
    }

    public static object Replace(Interpreter interpreter, object value, Arguments arguments)
    {
        var bound = arguments.Bind("replace", "old", "new", "count");
        if (bound[0] is null || bound[1] is null) throw new JinjaException("replace needs what to replace and the replacement");
        return StringMethods.Replace(Python.Text(value), [Python.Text(bound[0]!), Python.Text(bound[1]!), bound[2]]);
    }

    public static object Format(Interpreter interpreter, object value, Arguments arguments)
    {
        if (arguments.Positional.Count > 0 && arguments.Keywords.Count > 0)
            throw new JinjaException("can't handle positional and keyword arguments at the same time");
        object values = arguments.Keywords.Count > 0
            ? new DictValue(arguments.Keywords.Select(pair => KeyValuePair.Create((object)pair.Key, pair.Value)))
            : new TupleValue(arguments.Positional);
        return PercentFormat.Apply(value is Markup ? value : Python.Text(value), values);
    }

    public static object Indent(Interpreter interpreter, object value, Arguments arguments)
    {
        var bound = arguments.Bind("indent", "width", "first", "blank");
        var indention = Python.AsString(bound[0]) ?? new string(' ', Math.Clamp(Filters.Number(bound[0], 4), 0, Limits.MaxTextLength));
        var lines = PythonString.SplitLines(Python.Text(value) + "\n");
        Limits.Check(Python.Text(value).Length + ((BigInteger)lines.Count * indention.Length));
        var text = new StringBuilder();
        for (var i = 0; i < lines.Count; i++)
        {
            if (i > 0) text.Append('\n');
            if (i == 0 ? Filters.Flag(bound[1]) : lines[i].Length > 0 || Filters.Flag(bound[2])) text.Append(indention);
            text.Append(lines[i]);
        }

        return value is Markup ? new Markup(text.ToString()) : text.ToString();
    }

    /// <summary>Words begin after blanks, hyphens and opening brackets, unlike in <c>str.title</c>.</summary>
    public static string Title(string text) =>
        string.Concat(WordBeginnings().Split(text).Where(part => part.Length > 0).Select(PythonString.Capitalize));

    public static object Truncate(Interpreter interpreter, object value, Arguments arguments)
    {
        var bound = arguments.Bind("truncate", "length", "killwords", "end", "leeway");
        var length = Filters.Number(bound[0], 255);
        var end = bound[2] is null ? "..." : Python.Text(bound[2]!);
        if (length < end.Length) throw new JinjaException($"expected length >= {end.Length}, got {length}");
        var text = Python.Text(value);
        if (PythonString.Length(text) <= length + Filters.Number(bound[3], 5)) return text;
        var start = text[..PythonString.Utf16Index(text, length - PythonString.Length(end))];
        var space = start.LastIndexOf(' ');
        return (Filters.Flag(bound[1]) || space < 0 ? start : start[..space]) + end;
    }

    public static object WordCount(Interpreter interpreter, object value, Arguments arguments) =>
        new BigInteger(Words().Count(Python.Text(value)));

    [GeneratedRegex(@"([-\s({\[<]+)")]
    private static partial Regex WordBeginnings();

    [GeneratedRegex(@"\w+")]
    private static partial Regex Words();
}
