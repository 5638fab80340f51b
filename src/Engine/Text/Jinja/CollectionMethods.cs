using System.Numerics;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>Methods of dictionaries, lists and tuples; those that would change one are refused, as in Jinja2's immutable sandbox.</summary>
internal static class CollectionMethods
{
    public static Callable? Find(DictValue dict, string name) => name switch
    {
        "get" => new Callable(name, arguments => Get(dict, arguments)),
        "items" or "keys" or "values" => new Callable(name, arguments =>
        {
            arguments.Bind(name);
            return new DictView(name, dict);
        }),
        "copy" => new Callable(name, _ => dict),
        "clear" or "pop" or "popitem" or "setdefault" or "update" => Refused("dict", name),
        _ => null,
    };

    public static Callable? Find(SequenceValue sequence, string name) => name switch
    {
        "index" => new Callable(name, arguments => IndexOf(sequence, arguments)),
        "count" => new Callable(name, arguments =>
            new BigInteger(sequence.Items.Count(item => PythonEquality.AreEqual(item, arguments.Single("count()"))))),
        "copy" when sequence is ListValue => new Callable(name, _ => sequence),
        "append" or "clear" or "extend" or "insert" or "pop" or "remove" or "reverse" or "sort" when sequence is ListValue => Refused("list", name),
        _ => null,
    };

    private static object Get(DictValue dict, Arguments arguments)
    {
        if (arguments.Keywords.Count > 0) throw new JinjaException("get() takes no keyword arguments");
        var bound = arguments.Bind("get()", "key", "default");
        var key = bound[0] ?? throw new JinjaException("get() needs a key");
        return dict.TryGet(key, out var value) ? value : bound[1] ?? NoneValue.Instance;
    }

    private static BigInteger IndexOf(SequenceValue sequence, Arguments arguments)
    {
        var bound = arguments.Bind("index()", "value", "start", "stop");
        var value = bound[0] ?? throw new JinjaException("index() needs a value");
        var start = bound[1] is null ? 0 : Clamp(Python.ToIndex(bound[1]!, "start"));
        var stop = bound[2] is null ? sequence.Items.Count : Clamp(Python.ToIndex(bound[2]!, "stop"));
        for (var i = start; i < stop; i++)
        {
            if (PythonEquality.AreEqual(sequence.Items[i], value)) return i;
        }

        throw new JinjaException($"{Python.Repr(value)} is not in the {Python.TypeName(sequence)}");

        int Clamp(int index) => Math.Clamp(index < 0 ? index + sequence.Items.Count : index, 0, sequence.Items.Count);
    }

    private static Callable Refused(string type, string name) =>
        new(name, _ => throw new JinjaException($"access to attribute '{name}' of '{type}' object is unsafe", "Build a new value instead of changing one."));
}
