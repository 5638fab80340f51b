using System.Text.Json;
using System.Text.Json.Nodes;

namespace ContinualService.Engine.Data;

/// <summary>Reads the conversation formats: OpenAI messages and ShareGPT conversations.</summary>
internal static class MessageRows
{
    /// <summary>How a conversation format spells its parts.</summary>
    internal sealed record Dialect(string RoleField, string ContentField, IReadOnlyList<string> AllowedFields, IReadOnlyDictionary<string, string> Roles);

    public static readonly Dialect OpenAi = new(
        "role", "content", ["role", "content", "weight", "name", "tool_calls", "tool_call_id"],
        new Dictionary<string, string>
        {
            ["system"] = "system",
            ["developer"] = "developer",
            ["user"] = "user",
            ["assistant"] = "assistant",
            ["tool"] = "tool",
        });

    public static readonly Dialect ShareGpt = new(
        "from", "value", ["from", "value"],
        new Dictionary<string, string>
        {
            ["human"] = "user",
            ["user"] = "user",
            ["gpt"] = "assistant",
            ["assistant"] = "assistant",
            ["system"] = "system",
            ["tool"] = "tool",
        });

    /// <summary>The example in <paramref name="field"/> of the row, or null with errors collected.</summary>
    public static TaskExample? Read(JsonElement row, string field, Dialect dialect, int line, RowCollector collector)
    {
        var list = row.GetProperty(field);
        if (list.ValueKind != JsonValueKind.Array)
        {
            JsonRows.WrongType(list, field, "an array of messages", line, collector);
            return null;
        }

        var errorsBefore = collector.ErrorCount;
        var messages = new JsonArray();
        var trained = new List<bool>();
        foreach (var (index, element) in list.EnumerateArray().Index())
        {
            var message = ReadMessage(element, $"{field}[{index}]", dialect, line, collector);
            if (message is null) continue;
            trained.Add((string?)message["role"] == "assistant" && Weight(element, $"{field}[{index}].weight", dialect, message, line, collector));
            messages.Add(message);
        }

        // Faults of the whole conversation would only repeat those of a message that could not be read.
        if (collector.ErrorCount > errorsBefore || !CheckWhole(messages, trained, field, dialect, line, collector)) return null;
        return TaskExample.FromMessages(messages, trained);
    }

    private static JsonObject? ReadMessage(JsonElement element, string path, Dialect dialect, int line, RowCollector collector)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            JsonRows.WrongType(element, path, $"an object with {RowCollector.Quote([dialect.RoleField, dialect.ContentField])}", line, collector);
            return null;
        }

        foreach (var property in element.EnumerateObject().Where(property => !dialect.AllowedFields.Contains(property.Name)))
            JsonRows.Unknown($"{path}.{property.Name}", dialect.AllowedFields, line, collector);

        if (Role(element, $"{path}.{dialect.RoleField}", dialect, line, collector) is not { } role) return null;
        var message = new JsonObject { ["role"] = role };
        message["content"] = Content(element, $"{path}.{dialect.ContentField}", dialect, line, collector);
        if (dialect == OpenAi) ReadToolFields(element, path, message, line, collector);
        return message;
    }

    private static string? Role(JsonElement element, string path, Dialect dialect, int line, RowCollector collector)
    {
        if (!element.TryGetProperty(dialect.RoleField, out _))
        {
            JsonRows.Missing(path, line, collector);
            return null;
        }

        var errorsBefore = collector.ErrorCount;
        var given = JsonRows.Text(element, dialect.RoleField, path, line, collector);
        if (given is not null && dialect.Roles.TryGetValue(given, out var role)) return role;
        if (collector.ErrorCount == errorsBefore)
            collector.Error(line, path, $"\"{given}\" is not a known role.", $"Use one of {RowCollector.Quote(dialect.Roles.Keys)}.");
        return null;
    }

    // A string, or text parts that are joined; null only beside tool calls.
    private static string? Content(JsonElement element, string path, Dialect dialect, int line, RowCollector collector)
    {
        var calls = dialect == OpenAi && element.TryGetProperty("tool_calls", out var held) && held.ValueKind == JsonValueKind.Array && held.GetArrayLength() > 0;
        if (!element.TryGetProperty(dialect.ContentField, out var value))
        {
            if (!calls) JsonRows.Missing(path, line, collector);
            return null;
        }

        if (value.ValueKind == JsonValueKind.String) return value.GetString();
        if (value.ValueKind == JsonValueKind.Array && dialect == OpenAi) return Parts(value, path, line, collector);
        if (value.ValueKind != JsonValueKind.Null || !calls)
            JsonRows.WrongType(value, path, dialect == OpenAi ? "a string or an array of text parts" : "a string", line, collector);
        return null;
    }

    private static string Parts(JsonElement parts, string path, int line, RowCollector collector)
    {
        var text = "";
        foreach (var (index, part) in parts.EnumerateArray().Index())
        {
            if (part.ValueKind == JsonValueKind.Object
                && part.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String && type.GetString() == "text"
                && part.TryGetProperty("text", out var held) && held.ValueKind == JsonValueKind.String
                && part.EnumerateObject().Count() == 2)
            {
                text += held.GetString();
            }
            else
            {
                collector.Error(
                    line, $"{path}[{index}]", "The part is not {\"type\": \"text\", \"text\": \"...\"}.", "Only text can be trained on: take other parts out.");
            }
        }

        return text;
    }

    private static void ReadToolFields(JsonElement element, string path, JsonObject message, int line, RowCollector collector)
    {
        if (JsonRows.Text(element, "name", $"{path}.name", line, collector) is { } name) message["name"] = name;
        if (JsonRows.Text(element, "tool_call_id", $"{path}.tool_call_id", line, collector) is { } id) message["tool_call_id"] = id;
        if (!element.TryGetProperty("tool_calls", out var calls) || calls.ValueKind == JsonValueKind.Null) return;
        if (calls.ValueKind == JsonValueKind.Array) message["tool_calls"] = Copy(calls);
        else JsonRows.WrongType(calls, $"{path}.tool_calls", "an array", line, collector);
    }

    private static bool Weight(JsonElement element, string path, Dialect dialect, JsonObject message, int line, RowCollector collector)
    {
        if (dialect != OpenAi || !element.TryGetProperty("weight", out var weight) || weight.ValueKind == JsonValueKind.Null) return true;
        if (weight.ValueKind == JsonValueKind.Number && weight.TryGetDouble(out var number) && number is 0 or 1) return number == 1;
        collector.Error(line, path, "The weight is neither 0 nor 1.", $"Write 1 to train on this {(string?)message["role"]} message, 0 to leave it out.");
        return true;
    }

    private static bool CheckWhole(JsonArray messages, List<bool> trained, string field, Dialect dialect, int line, RowCollector collector)
    {
        var assistant = dialect.Roles.First(pair => pair.Value == "assistant").Key;
        if (messages.Count == 0)
            collector.Error(line, field, $"\"{field}\" is empty.", $"Give at least a question and an answer from \"{assistant}\".");
        else if (messages.All(message => (string?)message!["role"] != "assistant"))
            collector.Error(line, field, $"There is no message from \"{assistant}\", so there is nothing to train on.", "Add the answer, or take the row out.");
        else if ((string?)messages[^1]!["role"] != "assistant")
            collector.Error(line, $"{field}[{messages.Count - 1}]", $"The last message is not from \"{assistant}\".", "End each row with the answer that is to be learnt.");
        else if (!trained.Contains(true))
            collector.Error(line, field, "Every answer has weight 0, so there is nothing to train on.", "Give at least one of them weight 1.");
        else if (string.IsNullOrWhiteSpace((string?)messages[^1]!["content"]) && messages[^1]!["tool_calls"] is null)
            collector.EmptyTarget(line, $"{field}[{messages.Count - 1}].{dialect.ContentField}");
        else
            return true;
        return false;
    }

    // Strings are decoded here, so that half a surrogate pair is found while the row can still be refused.
    private static JsonNode? Copy(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => new JsonObject(element.EnumerateObject().Select(property => KeyValuePair.Create(property.Name, Copy(property.Value)))),
        JsonValueKind.Array => new JsonArray([.. element.EnumerateArray().Select(Copy)]),
        JsonValueKind.String => JsonValue.Create(element.GetString()),
        JsonValueKind.Null => null,
        _ => JsonValue.Create(element.Clone()),
    };
}
