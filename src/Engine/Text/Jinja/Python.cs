using System.Numerics;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>What Python does with any value: truth, length, iteration, names of types, text.</summary>
internal static class Python
{
    public static bool IsTrue(object value) => value switch
    {
        bool truth => truth,
        NoneValue or Undefined => false,
        BigInteger number => !number.IsZero,
        double number => number != 0,
        string text => text.Length > 0,
        Markup markup => markup.Text.Length > 0,
        SequenceValue sequence => sequence.Items.Count > 0,
        DictValue dict => dict.Length > 0,
        DictView view => view.Length > 0,
        RangeValue range => range.Length > 0,
        _ => true,
    };

    /// <summary>The text of a string, marked or not; null for anything else.</summary>
    public static string? AsString(object? value) => value as string ?? (value as Markup)?.Text;

    public static bool TryInteger(object? value, out BigInteger number)
    {
        number = value switch
        {
            BigInteger integer => integer,
            true => BigInteger.One,
            _ => BigInteger.Zero,
        };
        return value is BigInteger or bool;
    }

    public static bool TryNumber(object value, out double number)
    {
        number = value is double real ? real : TryInteger(value, out var integer) ? (double)integer : 0;
        return value is double or BigInteger or bool;
    }

    /// <summary>An index or count argument; out of range of int it is clamped, which no caller can tell from the exact value.</summary>
    public static int ToIndex(object value, string what)
    {
        if (!TryInteger(value, out var number)) throw new JinjaException($"{what} must be an integer, not {TypeName(value)}");
        return (int)BigInteger.Clamp(number, int.MinValue / 2, int.MaxValue / 2);
    }

    public static int Length(object value) => value switch
    {
        string text => PythonString.Length(text),
        Markup markup => PythonString.Length(markup.Text),
        SequenceValue sequence => sequence.Items.Count,
        DictValue dict => dict.Length,
        DictView view => view.Length,
        RangeValue range => range.Length,
        LoopState loop => loop.Length,
        Undefined => 0,
        _ => throw new JinjaException($"object of type '{TypeName(value)}' has no len()"),
    };

    public static IEnumerable<object> Iterate(object value) => value switch
    {
        string text => PythonString.Characters(text),
        Markup markup => PythonString.Characters(markup.Text).Select(character => (object)new Markup((string)character)),
        SequenceValue sequence => sequence.Items,
        DictValue dict => dict.Keys,
        DictView view => view.Values,
        RangeValue range => Enumerable.Range(0, range.Length).Select(i => range[i]),
        GeneratorValue generator => generator.Rest(),
        Undefined => [],
        _ => throw new JinjaException($"'{TypeName(value)}' object is not iterable"),
    };

    public static bool IsIterable(object value) =>
        value is string or Markup or SequenceValue or DictValue or DictView or RangeValue or GeneratorValue or Undefined or LoopState;

    public static string TypeName(object value) => value switch
    {
        NoneValue => "NoneType",
        bool => "bool",
        BigInteger => "int",
        double => "float",
        string => "str",
        Markup => "Markup",
        ListValue => "list",
        TupleValue => "tuple",
        DictValue => "dict",
        DictView view => "dict_" + view.Kind,
        RangeValue => "range",
        GeneratorValue => "generator",
        NamespaceValue => "Namespace",
        LoopState => "LoopContext",
        Callable { IsMacro: true } => "Macro",
        Callable => "function",
        _ => "Undefined",
    };

    /// <summary>A value's type as Jinja2's messages have it.</summary>
    public static string ObjectName(object value) => value switch
    {
        NoneValue => "None",
        NamespaceValue => "jinja2.utils.Namespace object",
        LoopState => "jinja2.runtime.LoopContext object",
        Callable { IsMacro: true } => "jinja2.runtime.Macro object",
        Markup => "markupsafe.Markup object",
        _ => TypeName(value) + " object",
    };

    /// <summary><c>str(value)</c>.</summary>
    public static string Text(object value) => value switch
    {
        string text => text,
        Markup markup => markup.Text,
        Undefined => "",
        _ => Repr(value),
    };

    public static string Repr(object value) => ReprWriter.Write(value);

    /// <summary>A string argument.</summary>
    public static string RequireText(object? value, string what) =>
        AsString(value) ?? throw new JinjaException($"{what} must be a string, not {(value is null ? "missing" : TypeName(value))}");
}
