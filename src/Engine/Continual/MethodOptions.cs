using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ContinualService.Engine.Continual;

/// <summary>The options of one method, each with a value in its range.</summary>
public sealed class MethodOptions
{
    private readonly IReadOnlyList<MethodOption> _known;
    private readonly Dictionary<string, object> _values;

    /// <param name="known">The method's options; each has its default here.</param>
    public MethodOptions(params IReadOnlyList<MethodOption> known)
    {
        _known = known;
        _values = known.ToDictionary(option => option.Name, option => option.Default);
    }

    public double Number(string name) => (double)_values[name];

    public string Choice(string name) => (string)_values[name];

    public bool Flag(string name) => (bool)_values[name];

    /// <summary>These options with other values; what cannot be taken is added to <paramref name="faults"/>.</summary>
    public MethodOptions With(JsonObject given, List<MethodOptionFault> faults)
    {
        var options = new MethodOptions(_known);
        foreach (var (name, node) in given)
        {
            var value = ValueOf(node);
            if (_known.FirstOrDefault(option => option.Name == name) is not { } known) faults.Add(Unknown(name));
            else if (!known.Accepts(value)) faults.Add(new MethodOptionFault(name, $"The value {node?.ToJsonString() ?? "null"} is not {known.Range}.", $"Send {known.Range}; default {Text(known.Default)}."));
            else options._values[name] = value!;
        }

        return options;
    }

    /// <summary>Every option with its value.</summary>
    public JsonObject ToJson() => new(_known.Select(Property));

    /// <summary>Those that differ from their defaults, in the order of the method's own list: the same choice gives the same text.</summary>
    public JsonObject ChosenJson() => new(_known.Where(option => !option.Default.Equals(_values[option.Name])).Select(Property));

    /// <summary>The same on a command line: <c>:name=value</c> for each.</summary>
    public override string ToString() => string.Concat(ChosenJson().Select(chosen => $":{chosen.Key}={Text(_values[chosen.Key])}"));

    /// <summary>What <see cref="ToString"/> gives, as JSON; a text that is no number, true or false is a word.</summary>
    internal static JsonObject Parse(IEnumerable<string> parts)
    {
        var json = new JsonObject();
        foreach (var part in parts)
        {
            if (part.Split('=') is not [var name, var text] || json.ContainsKey(name)) throw new ArgumentException($"'{part}' is no option; write name=value, each name once.", nameof(parts));
            json[name] = bool.TryParse(text, out var flag) ? flag : double.TryParse(text, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : text;
        }

        return json;
    }

    private MethodOptionFault Unknown(string name) => new(
        name, "This option is not known.", _known.Count == 0 ? "Remove it: the method has no options." : $"The method's options: {string.Join("; ", _known.Select(option => $"{option.Name} ({option.Range}; default {Text(option.Default)})"))}.");

    private KeyValuePair<string, JsonNode?> Property(MethodOption option) => KeyValuePair.Create(option.Name, _values[option.Name] switch
    {
        double number => (JsonNode?)JsonValue.Create(number),
        bool flag => JsonValue.Create(flag),
        var word => JsonValue.Create((string)word),
    });

    private static object? ValueOf(JsonNode? node) => node?.GetValueKind() switch
    {
        JsonValueKind.Number when node.AsValue().TryGetValue<double>(out var number) => number,
        JsonValueKind.String => node.GetValue<string>(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };

    private static string Text(object value) => value is bool flag ? flag ? "true" : "false" : Convert.ToString(value, CultureInfo.InvariantCulture)!;
}
