using System.Globalization;
using ContinualService.Domain;
using ContinualService.Engine.Models;

namespace ContinualService.Bench;

/// <summary>Command line options of the form <c>--name value</c> or <c>--flag</c>; what nobody asked for is an error, not ignored.</summary>
public sealed class Arguments
{
    private readonly Dictionary<string, string> _values = [];
    private readonly HashSet<string> _taken = [];

    public Arguments(IReadOnlyList<string> words)
    {
        for (var index = 0; index < words.Count; index++)
        {
            if (!words[index].StartsWith("--", StringComparison.Ordinal)) throw new UsageException($"'{words[index]}' is not an option; options start with --.");
            var hasValue = index + 1 < words.Count && !words[index + 1].StartsWith("--", StringComparison.Ordinal);
            if (!_values.TryAdd(words[index][2..], hasValue ? words[index + 1] : "true")) throw new UsageException($"{words[index]} is given twice.");
            if (hasValue) index++;
        }
    }

    public string? Text(string name)
    {
        _taken.Add(name);
        return _values.GetValueOrDefault(name);
    }

    public string Required(string name) => Text(name) ?? throw new UsageException($"--{name} is missing.");

    public int Whole(string name, int otherwise) => Number(name, otherwise, text => int.Parse(text, CultureInfo.InvariantCulture));

    public double Real(string name, double otherwise) => Number(name, otherwise, text => double.Parse(text, CultureInfo.InvariantCulture));

    public bool Flag(string name) => Text(name) == "true";

    public IReadOnlyList<string>? List(string name) => Text(name)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>How a frozen base is held to train on: <c>--base</c> and <c>--offload</c>.</summary>
    public BaseHolding Holding() => new(WireName.Parse<BaseFormat>(Text("base") ?? "full") ?? throw new UsageException("--base: full, bfloat16, int8 or int4."), Flag("offload"));

    /// <summary>Call after the last option was asked for.</summary>
    public void RefuseOthers()
    {
        var others = _values.Keys.Except(_taken).ToList();
        if (others.Count > 0) throw new UsageException($"Unknown option --{others[0]}. Known: {string.Join(" ", _taken.Order().Select(name => "--" + name))}");
    }

    private T Number<T>(string name, T otherwise, Func<string, T> parse)
    {
        var text = Text(name);
        try
        {
            return text is null ? otherwise : parse(text);
        }
        catch (Exception error) when (error is FormatException or OverflowException)
        {
            throw new UsageException($"--{name} {text}: a number is needed.", error);
        }
    }
}
