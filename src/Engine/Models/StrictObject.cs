using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ContinualService.Engine.Models;

/// <summary>A JSON object of a model or adapter file, read field by field; whatever nobody asked for is an error in the end.</summary>
internal sealed class StrictObject
{
    private readonly JsonObject _fields;
    private readonly string _where;
    private readonly HashSet<string> _seen = [];

    public StrictObject(JsonObject fields, string where)
    {
        _fields = fields;
        _where = where;
    }

    public static StrictObject Parse(string json, string where)
    {
        try
        {
            var node = JsonNode.Parse(json, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false });
            Touch(node);
            return node is JsonObject fields ? new StrictObject(fields, where) : throw new ModelFormatException($"{where}: not a JSON object.");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new ModelFormatException($"{where}: not valid JSON ({error.Message}).", error);
        }
    }

    /// <summary>Reads every name and text once: half a surrogate pair passes the parser and fails only when it is read.</summary>
    private static void Touch(JsonNode? node)
    {
        if (node is JsonObject fields)
        {
            foreach (var (_, value) in fields) Touch(value);
        }
        else if (node is JsonArray items)
        {
            foreach (var item in items) Touch(item);
        }
        else if (node?.GetValueKind() == JsonValueKind.String)
        {
            _ = node.GetValue<string>();
        }
    }

    /// <summary>The field is present and not null.</summary>
    public bool Has(string name)
    {
        _seen.Add(name);
        return _fields.TryGetPropertyValue(name, out var value) && value is not null;
    }

    /// <summary>The field is present, null or not.</summary>
    public bool Mentions(string name)
    {
        _seen.Add(name);
        return _fields.ContainsKey(name);
    }

    public JsonNode? Node(string name)
    {
        _seen.Add(name);
        return _fields.TryGetPropertyValue(name, out var value) ? value : null;
    }

    public int Int(string name, int? otherwise = null) => OptionalInt(name) ?? otherwise ?? throw Missing(name);

    public int? OptionalInt(string name)
    {
        if (!Has(name)) return null;
        var number = Number(name);
        return number == Math.Floor(number) && Math.Abs(number) <= int.MaxValue ? (int)number : throw Wrong(name, "a whole number");
    }

    /// <summary>A whole number of at least 1.</summary>
    public int Size(string name, int? otherwise = null)
    {
        var value = Int(name, otherwise);
        return value >= 1 ? value : throw Wrong(name, "at least 1");
    }

    public double Double(string name, double? otherwise = null) => OptionalDouble(name) ?? otherwise ?? throw Missing(name);

    public double? OptionalDouble(string name) => Has(name) ? Number(name) : null;

    public bool Bool(string name, bool otherwise)
    {
        if (!Has(name)) return otherwise;
        return _fields[name]!.GetValueKind() switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw Wrong(name, "true or false"),
        };
    }

    public string Text(string name, string? otherwise = null) => OptionalText(name) ?? otherwise ?? throw Missing(name);

    public string? OptionalText(string name)
    {
        if (!Has(name)) return null;
        return _fields[name]!.GetValueKind() == JsonValueKind.String ? _fields[name]!.GetValue<string>() : throw Wrong(name, "a string");
    }

    public StrictObject? Object(string name) =>
        !Has(name) ? null : _fields[name] is JsonObject inner ? new StrictObject(inner, $"{_where}: {name}") : throw Wrong(name, "an object");

    public IReadOnlyDictionary<string, JsonNode?> Entries => _fields.ToDictionary(entry => entry.Key, entry => entry.Value);

    /// <summary>A whole number or a list of them; empty where absent or null.</summary>
    public IReadOnlyList<int> IntOrList(string name)
    {
        if (!Has(name)) return [];
        if (_fields[name] is not JsonArray list) return [Int(name)];
        return [.. list.Select(item => item is JsonValue value && value.TryGetValue<int>(out var id) ? id : throw Wrong(name, "a whole number or a list of whole numbers"))];
    }

    /// <summary>Fails on every field that was neither read nor is in <paramref name="ignored"/>.</summary>
    public void RefuseTheRest(IReadOnlySet<string> ignored)
    {
        var unknown = _fields.Select(field => field.Key).Where(name => !_seen.Contains(name) && !ignored.Contains(name)).Order(StringComparer.Ordinal).ToList();
        if (unknown.Count == 0) return;
        throw new ModelFormatException($"{_where}: unknown field{(unknown.Count > 1 ? "s" : "")} {string.Join(", ", unknown.Take(8))}"
            + $"{(unknown.Count > 8 ? $" and {unknown.Count - 8} more" : "")}. A field that is not understood may change what the model computes; remove it if it does not.");
    }

    public ModelFormatException Wrong(string name, string expected) =>
        new($"{_where}: {name} is {Shorten(_fields[name]?.ToJsonString() ?? "null")}, but must be {expected}.");

    private static string Shorten(string text) => text.Length <= 80 ? text : text[..80] + "...";

    private ModelFormatException Missing(string name) => new($"{_where}: {name} is missing.");

    private double Number(string name)
    {
        var value = _fields[name]!;
        if (value.GetValueKind() != JsonValueKind.Number) throw Wrong(name, "a number");
        var number = double.Parse(value.ToJsonString(), CultureInfo.InvariantCulture);
        return double.IsFinite(number) ? number : throw Wrong(name, "a finite number");
    }
}
