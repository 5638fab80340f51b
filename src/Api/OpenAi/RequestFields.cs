using System.Text.Json;
using System.Text.Json.Nodes;

namespace ContinualService.Api.OpenAi;

/// <summary>Reads the options of a /v1 request strictly: a wrong type or an unknown option is refused by its name.</summary>
/// <param name="body">The object that holds them.</param>
/// <param name="path">What stands before their names in a refusal: empty for the request itself, else the object's own name and a dot.</param>
internal sealed class RequestFields(JsonObject body, string path = "")
{
    private readonly HashSet<string> _read = [];

    /// <summary>The value of a field that is present and not null.</summary>
    public JsonNode? Node(string name)
    {
        _read.Add(name);
        return body[name];
    }

    public string? Text(string name) => Node(name) switch
    {
        null => null,
        JsonValue value when value.TryGetValue<string>(out var text) => text,
        _ => throw OpenAiException.Invalid(path + name, $"'{path}{name}' has the wrong type; send a string."),
    };

    /// <summary>Whether the option is left to the service with the word auto.</summary>
    public bool IsAuto(string name) => Node(name) is JsonValue value && value.TryGetValue<string>(out var text) && text == "auto";

    /// <summary>The fields of an object that is present; the caller reads them and refuses the unknown.</summary>
    public RequestFields? Inner(string name) => Node(name) switch
    {
        null => null,
        JsonObject inner => new RequestFields(inner, $"{path}{name}."),
        _ => throw OpenAiException.Invalid(path + name, $"'{path}{name}' has the wrong type; send an object."),
    };

    public bool? Flag(string name) => Read<bool>(name, "true or false", value => value.GetValueKind() is JsonValueKind.True or JsonValueKind.False);

    public int? Whole(string name, int least, int most)
    {
        var value = Read<int>(name, $"a whole number from {least} to {most}", IsNumber);
        if (value < least || value > most) throw OpenAiException.Invalid(path + name, $"'{path}{name}' is {value}; send a whole number from {least} to {most}.");
        return value;
    }

    public double? Number(string name, double least, double most)
    {
        var value = Read<double>(name, $"a number from {least} to {most}", IsNumber);
        if (value < least || value > most) throw OpenAiException.Invalid(path + name, $"'{path}{name}' is {value}; send a number from {least} to {most}.");
        return value;
    }

    /// <summary>Accepts a field only with the value that changes nothing; anything else is refused by name.</summary>
    public void OnlyDefault(string name, Func<JsonNode, bool> isDefault, string supported)
    {
        if (Node(name) is { } value && !isDefault(value))
            throw OpenAiException.Invalid(path + name, $"'{path}{name}' is not supported with this value; {supported}.");
    }

    /// <summary>Marks fields that are accepted and have no effect on the answer.</summary>
    public void Accept(params ReadOnlySpan<string> names)
    {
        foreach (var name in names) _read.Add(name);
    }

    /// <summary>Refuses every field that nothing has read; one that is null asks for nothing.</summary>
    public void RefuseUnknown()
    {
        var unknown = body.Where(field => field.Value is not null).Select(field => field.Key).Where(name => !_read.Contains(name)).Order(StringComparer.Ordinal).ToList();
        if (unknown.Count == 0) return;
        throw new OpenAiException(
            StatusCodes.Status400BadRequest,
            $"Unknown or unsupported option '{path}{unknown[0]}'. Remove it; this route accepts: {string.Join(", ", _read.Order(StringComparer.Ordinal).Select(name => path + name))}.",
            path + unknown[0], "unknown_parameter");
    }

    private static bool IsNumber(JsonNode value) => value.GetValueKind() == JsonValueKind.Number;

    private T? Read<T>(string name, string expected, Func<JsonNode, bool> isKind)
        where T : struct =>
        Node(name) switch
        {
            null => null,
            JsonValue value when isKind(value) && value.TryGetValue<T>(out var read) => read,
            _ => throw OpenAiException.Invalid(path + name, $"'{path}{name}' has the wrong type; send {expected}."),
        };
}
