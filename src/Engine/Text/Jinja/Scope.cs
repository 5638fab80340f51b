namespace ContinualService.Engine.Text.Jinja;

/// <summary>Variables by name; what a scope does not have is looked up in the one around it, and assignment stays in the scope.</summary>
internal sealed class Scope(Scope? parent)
{
    private readonly Dictionary<string, object> _variables = new(StringComparer.Ordinal);

    public object this[string name]
    {
        set => _variables[name] = value;
    }

    public object? Find(string name)
    {
        for (var scope = this; scope is not null; scope = scope.Parent)
        {
            if (scope._variables.TryGetValue(name, out var value)) return value;
        }

        return null;
    }

    private Scope? Parent { get; } = parent;
}
