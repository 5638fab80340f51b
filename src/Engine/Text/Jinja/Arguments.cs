namespace ContinualService.Engine.Text.Jinja;

/// <summary>The arguments of one call.</summary>
internal sealed class Arguments(IReadOnlyList<object> positional, OrderedDictionary<string, object>? keywords = null)
{
    // Before None, whose construction reads it.
    private static readonly OrderedDictionary<string, object> NoKeywords = [];

    public static readonly Arguments None = new([]);

    public IReadOnlyList<object> Positional { get; } = positional;

    public OrderedDictionary<string, object> Keywords { get; } = keywords ?? NoKeywords;

    /// <summary>The arguments by parameter; null where one is not given.</summary>
    /// <exception cref="JinjaException">Too many arguments, an unknown one, or one given twice.</exception>
    public object?[] Bind(string function, params ReadOnlySpan<string> parameters)
    {
        if (Positional.Count > parameters.Length)
            throw new JinjaException($"{function} takes at most {parameters.Length} argument(s), {Positional.Count} given");
        var bound = new object?[parameters.Length];
        for (var i = 0; i < Positional.Count; i++) bound[i] = Positional[i];
        foreach (var (name, value) in Keywords)
        {
            var index = parameters.IndexOf(name);
            if (index < 0) throw new JinjaException($"{function} has no parameter '{name}'");
            if (bound[index] is not null) throw new JinjaException($"{function} got '{name}' twice");
            bound[index] = value;
        }

        return bound;
    }

    /// <summary>The one argument of a function of one argument.</summary>
    public object Single(string function) =>
        Positional.Count == 1 && Keywords.Count == 0
            ? Positional[0]
            : throw new JinjaException($"{function} takes exactly one argument");

    /// <summary>The same call without its first arguments.</summary>
    public Arguments Skip(int count) => new([.. Positional.Skip(count)], Keywords);
}
