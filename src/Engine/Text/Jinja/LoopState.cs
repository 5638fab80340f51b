using System.Numerics;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>The variable <c>loop</c> inside a <c>for</c>.</summary>
internal sealed class LoopState(IReadOnlyList<object> items, int depth0)
{
    private IReadOnlyList<object>? _lastChanged;

    public int Index0 { get; set; }

    public int Length => items.Count;

    public int Depth0 { get; } = depth0;

    /// <summary>Renders the loop's body over other items; null unless the loop is recursive.</summary>
    public Func<object, object>? Recurse { get; init; }

    public object? Member(string name) => name switch
    {
        "index" => new BigInteger(Index0 + 1),
        "index0" => new BigInteger(Index0),
        "revindex" => new BigInteger(Length - Index0),
        "revindex0" => new BigInteger(Length - Index0 - 1),
        "first" => Index0 == 0,
        "last" => Index0 == Length - 1,
        "length" => new BigInteger(Length),
        "depth" => new BigInteger(Depth0 + 1),
        "depth0" => new BigInteger(Depth0),
        "previtem" => Index0 > 0 ? items[Index0 - 1] : new Undefined("there is no previous item"),
        "nextitem" => Index0 < Length - 1 ? items[Index0 + 1] : new Undefined("there is no next item"),
        "cycle" => new Callable(name, arguments => arguments.Positional.Count > 0
            ? arguments.Positional[Index0 % arguments.Positional.Count]
            : throw new JinjaException("no items for cycling given")),
        "changed" => new Callable(name, arguments => HasChanged(arguments.Positional)),
        _ => null,
    };

    private bool HasChanged(IReadOnlyList<object> values)
    {
        if (_lastChanged is not null && _lastChanged.SequenceEqual(values, PythonEquality.Instance)) return false;
        _lastChanged = values;
        return true;
    }
}
