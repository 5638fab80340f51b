using System.Globalization;

namespace ContinualService.Pretrain;

/// <summary>The words after the command: pairs of "--name value".</summary>
internal sealed class CommandLine
{
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    /// <exception cref="ArgumentException">A name is unknown or has no value.</exception>
    public CommandLine(IReadOnlyList<string> words, params IReadOnlyList<string> known)
    {
        for (var i = 0; i < words.Count; i += 2)
        {
            var name = words[i].TrimStart('-');
            if (!words[i].StartsWith("--", StringComparison.Ordinal) || !known.Contains(name))
                throw new ArgumentException($"'{words[i]}' is not an option here. Options: {string.Join(", ", known.Select(option => "--" + option))}.");
            if (i + 1 == words.Count) throw new ArgumentException($"{words[i]} needs a value.");
            _values[name] = words[i + 1];
        }
    }

    public string Text(string name, string otherwise) => _values.GetValueOrDefault(name, otherwise);

    public int Number(string name, int otherwise) => _values.TryGetValue(name, out var text) ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

    public double Real(string name, double otherwise) => _values.TryGetValue(name, out var text) ? double.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
