using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>JSON to template values.</summary>
internal static class JsonReader
{
    /// <param name="mark">Applied to every string, keys included; the chat format marks special-token texts with it.</param>
    public static object Read(JsonNode? node, Func<string, string>? mark = null)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        return node switch
        {
            null => NoneValue.Instance,
            JsonArray array => new ListValue([.. array.Select(item => Read(item, mark))]),
            JsonObject dict => new DictValue(dict.Select(pair => KeyValuePair.Create((object)Mark(pair.Key), Read(pair.Value, mark)))),
            _ => node.GetValueKind() switch
            {
                JsonValueKind.True => true,
                JsonValueKind.False => false,
                JsonValueKind.String => Mark(node.GetValue<string>()),
                JsonValueKind.Null => NoneValue.Instance,
                _ => NumberLiteral.Read(node.ToJsonString()),
            },
        };

        string Mark(string text) => mark is null ? text : mark(text);
    }
}
