namespace ContinualService.Engine.Continual;

/// <summary>One option of a method.</summary>
public sealed class MethodOption
{
    private readonly Func<object, bool> _accepts;

    private MethodOption(string name, object otherwise, string range, Func<object, bool> accepts) => (Name, Default, Range, _accepts) = (name, otherwise, range, accepts);

    public string Name { get; }

    /// <summary>A double, a string or a bool. State files leave out what has its default, so a default never changes.</summary>
    public object Default { get; }

    /// <summary>What may be sent, in words.</summary>
    public string Range { get; }

    public static MethodOption Number(string name, double otherwise, double least, double most) =>
        new(name, otherwise, FormattableString.Invariant($"a number from {least} to {most}"), value => value is double number && number >= least && number <= most);

    public static MethodOption Whole(string name, int otherwise, int least, int most) => new(
        name, (double)otherwise, FormattableString.Invariant($"a whole number from {least} to {most}"),
        value => value is double number && number >= least && number <= most && number == Math.Floor(number));

    /// <summary>One of some words; the first is the default.</summary>
    public static MethodOption Choice(string name, params string[] words) => new(name, words[0], $"one of {string.Join(", ", words)}", value => words.Contains(value));

    public static MethodOption Flag(string name, bool otherwise) => new(name, otherwise, "true or false", value => value is bool);

    public bool Accepts(object? value) => value is not null && _accepts(value);
}
