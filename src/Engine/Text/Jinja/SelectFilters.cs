using System.Globalization;
using System.Numerics;

namespace ContinualService.Engine.Text.Jinja;

/// <summary><c>map</c>, <c>select</c>, <c>reject</c> and their forms by attribute.</summary>
internal static class SelectFilters
{
    public static object Map(Interpreter interpreter, object value, Arguments arguments)
    {
        var items = Python.Iterate(value);
        if (arguments.Positional.Count == 0 && arguments.Keywords.TryGetValue("attribute", out var attribute))
        {
            var fallback = arguments.Bind("map", "attribute", "default")[1];
            return new GeneratorValue([.. items.Select(item => Get(item, attribute, fallback))]);
        }

        if (arguments.Positional.Count == 0) throw new JinjaException("map requires a filter argument");
        var name = Python.RequireText(arguments.Positional[0], "the filter's name");
        var rest = arguments.Skip(1);
        return new GeneratorValue([.. items.Select(item => interpreter.ApplyFilter(name, item, rest))]);
    }

    public static object Select(Interpreter interpreter, object value, Arguments arguments, bool byAttribute, bool keep)
    {
        var index = byAttribute ? 1 : 0;
        if (arguments.Positional.Count < index) throw new JinjaException("missing the name of the attribute");
        var test = arguments.Positional.Count > index ? Python.RequireText(arguments.Positional[index], "the test's name") : null;
        var rest = arguments.Skip(index + 1);
        return new GeneratorValue([.. Python.Iterate(value).Where(item => Passes(item) == keep)]);

        bool Passes(object item)
        {
            var tested = byAttribute ? Get(item, arguments.Positional[0], null) : item;
            return test is null ? Python.IsTrue(tested) : interpreter.ApplyTest(test, tested, rest);
        }
    }

    /// <summary>An attribute by path: <c>"function.name"</c>, an index, or both mixed.</summary>
    public static object Get(object item, object attribute, object? fallback)
    {
        foreach (var part in Parts(attribute))
        {
            item = Members.Item(item, part);
            if (item is Undefined && fallback is not null) item = fallback;
        }

        return item;
    }

    private static IEnumerable<object> Parts(object attribute)
    {
        if (attribute is NoneValue) return [];
        if (Python.AsString(attribute) is not { } path) return [attribute];
        return path.Split('.').Select(part => part.Length is > 0 and < 10 && part.All(char.IsAsciiDigit)
            ? (object)BigInteger.Parse(part, CultureInfo.InvariantCulture)
            : part);
    }
}
