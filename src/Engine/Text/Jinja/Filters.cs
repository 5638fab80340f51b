using System.Collections.Frozen;
using System.Numerics;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>The filters by name.</summary>
internal static class Filters
{
    public delegate object Filter(Interpreter interpreter, object value, Arguments arguments);

    public static readonly FrozenDictionary<string, Filter> ByName = new Dictionary<string, Filter>
    {
        // Text
        ["capitalize"] = Text(PythonString.Capitalize),
        ["center"] = (_, value, arguments) => StringMethods.Center(Python.Text(value), Number(arguments.Bind("center", "width")[0], 80), ' '),
        ["e"] = (_, value, _) => new Markup(Markup.Escape(value)),
        ["escape"] = (_, value, _) => new Markup(Markup.Escape(value)),
        ["forceescape"] = (_, value, _) => new Markup(Markup.Escape(Python.Text(value))),
        ["format"] = TextFilters.Format,
        ["indent"] = TextFilters.Indent,
        ["lower"] = Text(PythonString.Lower),
        ["replace"] = TextFilters.Replace,
        ["safe"] = (_, value, _) => new Markup(Python.Text(value)),
        ["string"] = (_, value, _) => value is Markup ? value : Python.Text(value),
        ["title"] = Text(TextFilters.Title),
        ["tojson"] = (_, value, arguments) => JsonPrinter.Print(value, arguments),
        ["trim"] = TextFilters.Trim,
        ["truncate"] = TextFilters.Truncate,
        ["upper"] = Text(PythonString.Upper),
        ["urlencode"] = (_, value, _) => Uri.EscapeDataString(Python.Text(value)).Replace("%2F", "/", StringComparison.Ordinal),
        ["wordcount"] = TextFilters.WordCount,

        // Numbers
        ["abs"] = (_, value, _) => value is double real ? Math.Abs(real)
            : Python.TryInteger(value, out var number) ? BigInteger.Abs(number)
            : throw new JinjaException($"bad operand type for abs(): '{Python.TypeName(value)}'"),
        ["float"] = NumberFilters.Float,
        ["int"] = NumberFilters.Integer,
        ["round"] = NumberFilters.Round,
        ["sum"] = SequenceFilters.Sum,

        // Any value
        ["attr"] = (_, value, arguments) => Members.Attribute(value, Python.Text(arguments.Single("attr"))) is var member
            && value is DictValue dict && dict.TryGet(Python.Text(arguments.Single("attr")), out var item) && ReferenceEquals(item, member)
            ? Undefined.Missing(value, arguments.Single("attr")) : member,
        ["d"] = Default,
        ["default"] = Default,

        // Sequences and dictionaries
        ["batch"] = SequenceFilters.Batch,
        ["count"] = (_, value, _) => new BigInteger(Python.Length(value)),
        ["dictsort"] = SortFilters.DictSort,
        ["first"] = (_, value, _) => Python.Iterate(value).FirstOrDefault() ?? new Undefined("No first item, sequence was empty."),
        ["groupby"] = SortFilters.GroupBy,
        ["items"] = SequenceFilters.Items,
        ["join"] = SequenceFilters.Join,
        ["last"] = SequenceFilters.Last,
        ["length"] = (_, value, _) => new BigInteger(Python.Length(value)),
        ["list"] = (_, value, _) => new ListValue([.. Python.Iterate(value)]),
        ["map"] = SelectFilters.Map,
        ["max"] = (_, value, arguments) => SortFilters.Extreme(value, arguments, 1),
        ["min"] = (_, value, arguments) => SortFilters.Extreme(value, arguments, -1),
        ["reject"] = (interpreter, value, arguments) => SelectFilters.Select(interpreter, value, arguments, byAttribute: false, keep: false),
        ["rejectattr"] = (interpreter, value, arguments) => SelectFilters.Select(interpreter, value, arguments, byAttribute: true, keep: false),
        ["reverse"] = SequenceFilters.Reverse,
        ["select"] = (interpreter, value, arguments) => SelectFilters.Select(interpreter, value, arguments, byAttribute: false, keep: true),
        ["selectattr"] = (interpreter, value, arguments) => SelectFilters.Select(interpreter, value, arguments, byAttribute: true, keep: true),
        ["slice"] = SequenceFilters.Slice,
        ["sort"] = SortFilters.Sort,
        ["unique"] = SortFilters.Unique,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    public static int Number(object? value, int fallback) => value is null ? fallback : Python.ToIndex(value, "a filter's number");

    public static bool Flag(object? value) => value is not null && Python.IsTrue(value);

    private static Filter Text(Func<string, string> change) => (_, value, arguments) =>
    {
        arguments.Bind("the filter");
        return value is Markup markup ? new Markup(change(markup.Text)) : change(Python.Text(value));
    };

    private static object Default(Interpreter interpreter, object value, Arguments arguments)
    {
        var bound = arguments.Bind("default", "default_value", "boolean");
        return value is Undefined || (Flag(bound[1]) && !Python.IsTrue(value)) ? bound[0] ?? "" : value;
    }
}
