using System.Text.Json.Nodes;
using ContinualService.Engine.Models;

namespace ContinualService.Engine.Text.Tokenization;

/// <summary>One {"type": ...} object of a tokenizer.json.</summary>
internal sealed class Component
{
    public Component(JsonObject json, string where)
    {
        (Where, Fields) = (where, new StrictObject(json, where));
        Type = Fields.Text("type");
    }

    public string Where { get; }

    public string Type { get; }

    public StrictObject Fields { get; }

    public IEnumerable<Component> Children(string name) => Fields.Node(name) is JsonArray list
        ? list.Select((child, i) => child is JsonObject item
            ? new Component(item, $"{Where}: {name}[{i}]")
            : throw new ModelFormatException($"{Where}: {name}[{i}] is no object.")).ToList()
        : throw Fields.Wrong(name, "a list of objects");

    /// <summary>The field "pattern": {"String": s} or {"Regex": r}.</summary>
    public TextPattern Pattern()
    {
        var pattern = Fields.Object("pattern") ?? throw new ModelFormatException($"{Where}: pattern is missing.");
        if (pattern.OptionalText("String") is { } literal)
            return TextPattern.OfLiteral(literal);
        var regex = pattern.Text("Regex");
        try
        {
            return TextPattern.OfRegex(regex);
        }
        catch (ArgumentException error)
        {
            // What the translator or .NET's own parser says of a pattern it cannot take.
            throw new ModelFormatException($"{Where}: the pattern {regex} cannot be matched here ({error.Message}).", error);
        }
    }

    public char Char(string name, char? otherwise)
    {
        var text = Fields.Text(name, otherwise?.ToString());
        return text.Length == 1 ? text[0] : throw Fields.Wrong(name, "a single char");
    }

    public ModelFormatException Unknown(string known) =>
        new($"{Where}: the type {Type} is not supported (supported are {known}). Use a model with another tokenizer.");
}
