using System.Collections.Frozen;
using System.Numerics;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>The tests that follow <c>is</c>.</summary>
internal static class Tests
{
    public static readonly FrozenDictionary<string, Func<object, Arguments, bool>> ByName = new Dictionary<string, Func<object, Arguments, bool>>
    {
        ["boolean"] = Type(value => value is bool),
        ["callable"] = Type(value => value is Callable or Undefined or LoopState),
        ["defined"] = Type(value => value is not Undefined),
        ["divisibleby"] = (value, arguments) => Operators.Apply("%", value, arguments.Single("divisibleby")) is BigInteger { IsZero: true } or 0.0,
        ["escaped"] = Type(value => value is Markup),
        ["even"] = Type(value => Operators.Apply("%", value, new BigInteger(2)) is BigInteger { IsZero: true } or 0.0),
        ["false"] = Type(value => value is false),
        ["filter"] = Type(value => Python.AsString(value) is { } name && Filters.ByName.ContainsKey(name)),
        ["float"] = Type(value => value is double),
        ["in"] = (value, arguments) => Operators.Contains(arguments.Single("in"), value),
        ["integer"] = Type(value => value is BigInteger),
        ["iterable"] = Type(Python.IsIterable),
        ["lower"] = Type(value => (bool)Method(Python.Text(value), "islower")),
        ["mapping"] = Type(value => value is DictValue),
        ["none"] = Type(value => value is NoneValue),
        ["number"] = Type(value => value is BigInteger or double or bool),
        ["odd"] = Type(value => Operators.Apply("%", value, new BigInteger(2)) is BigInteger { IsOne: true } or 1.0),
        ["sameas"] = (value, arguments) => IsSame(value, arguments.Single("sameas")),
        ["sequence"] = Type(value => value is string or Markup or SequenceValue or DictValue or RangeValue or Undefined),
        ["string"] = Type(value => value is string or Markup),
        ["test"] = Type(value => Python.AsString(value) is { } name && ByName!.ContainsKey(name)),
        ["true"] = Type(value => value is true),
        ["undefined"] = Type(value => value is Undefined),
        ["upper"] = Type(value => (bool)Method(Python.Text(value), "isupper")),
        ["eq"] = Compares("=="),
        ["equalto"] = Compares("=="),
        ["=="] = Compares("=="),
        ["ne"] = Compares("!="),
        ["!="] = Compares("!="),
        ["lt"] = Compares("<"),
        ["lessthan"] = Compares("<"),
        ["<"] = Compares("<"),
        ["le"] = Compares("<="),
        ["<="] = Compares("<="),
        ["gt"] = Compares(">"),
        ["greaterthan"] = Compares(">"),
        [">"] = Compares(">"),
        ["ge"] = Compares(">="),
        [">="] = Compares(">="),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static Func<object, Arguments, bool> Type(Func<object, bool> test) => (value, arguments) =>
    {
        arguments.Bind("the test");
        return test(value);
    };

    private static Func<object, Arguments, bool> Compares(string symbol) =>
        (value, arguments) => Operators.Compare(symbol, value, arguments.Single("the test"));

    private static object Method(string text, string name) => StringMethods.Find(text, name)!.Body(Arguments.None);

    /// <summary>Identity: the same object, or equal values of a type whose small values Python keeps once.</summary>
    private static bool IsSame(object left, object right) =>
        ReferenceEquals(left, right) || (left.GetType() == right.GetType() && left is bool or BigInteger or string && left.Equals(right));
}
