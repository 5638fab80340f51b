namespace ContinualService.Engine.Continual;

/// <summary>The methods by name.</summary>
public static class ContinualMethods
{
    public static IReadOnlyList<IContinualMethod> All { get; } = [new Slao(), new SeqLora()];

    public static IReadOnlyList<string> Names { get; } = [.. All.Select(method => method.Name)];

    /// <exception cref="ArgumentException">No such method; the message lists those there are.</exception>
    public static IContinualMethod ByName(string name) =>
        All.FirstOrDefault(method => method.Name == name) ?? throw new ArgumentException($"There is no method '{name}'. Choose one of: {string.Join(", ", Names)}.", nameof(name));
}
