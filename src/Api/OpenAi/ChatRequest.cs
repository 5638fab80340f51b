using System.Text.Json;
using System.Text.Json.Nodes;

namespace ContinualService.Api.OpenAi;

/// <summary>The body of POST /v1/chat/completions. <c>Messages</c> have string contents, ready for the chat template.</summary>
internal sealed record ChatRequest(GenerationRequest Generation, JsonArray Messages)
{
    private static readonly string[] s_roles = ["system", "developer", "user", "assistant", "tool"];

    public static ChatRequest Parse(JsonObject body)
    {
        var fields = new RequestFields(body);
        var messages = ReadMessages(fields.Node("messages"));
        var (newer, older) = (fields.Whole("max_completion_tokens", 1, int.MaxValue), fields.Whole("max_tokens", 1, int.MaxValue));
        if (newer is { } one && older is { } other && one != other)
            throw OpenAiException.Invalid("max_tokens", $"'max_tokens' is {other} and 'max_completion_tokens', its newer name, {one}. Send one of them.");
        var top = fields.Whole("top_logprobs", 0, GenerationRequest.MostAlternatives);
        var wanted = fields.Flag("logprobs") ?? false;
        if (top is not null && !wanted) throw OpenAiException.Invalid("top_logprobs", "'top_logprobs' needs \"logprobs\": true.");
        fields.OnlyDefault("response_format", value => value is JsonObject && value["type"]?.ToString() == "text", "only {\"type\": \"text\"} is");
        fields.OnlyDefault("tools", value => value is JsonArray { Count: 0 }, "tool calls are not offered");
        fields.OnlyDefault("tool_choice", value => value.ToString() == "none", "tool calls are not offered");
        fields.OnlyDefault("parallel_tool_calls", _ => true, "");
        fields.OnlyDefault("modalities", value => value.ToJsonString() == "[\"text\"]", "only [\"text\"] is");
        var generation = GenerationRequest.Read(fields, newer ?? older, wanted ? top ?? 0 : null);
        fields.RefuseUnknown();
        return new ChatRequest(generation, messages);
    }

    private static JsonArray ReadMessages(JsonNode? node)
    {
        if (node is not JsonArray { Count: > 0 } list)
            throw new OpenAiException(400, "'messages' must be a list with at least one message {\"role\", \"content\"}.", "messages", "missing_required_parameter");
        var messages = new JsonArray();
        for (var index = 0; index < list.Count; index++)
        {
            var at = $"messages[{index}]";
            if (list[index] is not JsonObject message) throw OpenAiException.Invalid(at, $"'{at}' must be an object {{\"role\", \"content\"}}.");
            var fields = new RequestFields(message, $"{at}.");
            var role = fields.Text("role");
            if (role is null || !s_roles.Contains(role)) throw OpenAiException.Invalid($"{at}.role", $"'{at}.role' must be one of {string.Join(", ", s_roles)}.");
            var copy = new JsonObject
            {
                // Chat templates know no developer role; it is the newer name of system.
                ["role"] = role == "developer" ? "system" : role,
                ["content"] = Content(fields.Node("content"), $"{at}.content", mayBeAbsent: role == "assistant" && message["tool_calls"] is not null),
            };
            foreach (var passed in new[] { "name", "tool_calls", "tool_call_id" })
                if (fields.Node(passed) is { } value) copy[passed] = value.DeepClone();
            fields.OnlyDefault("refusal", _ => false, "leave it out");
            fields.RefuseUnknown();
            messages.Add(copy);
        }

        return messages;
    }

    private static string Content(JsonNode? node, string at, bool mayBeAbsent) => node switch
    {
        null when mayBeAbsent => "",
        JsonValue value when value.TryGetValue<string>(out var text) => text,
        JsonArray parts when parts.All(part => part is JsonObject item && item["type"]?.ToString() == "text" && item["text"]?.GetValueKind() == JsonValueKind.String) =>
            string.Concat(parts.Select(part => part!["text"]!.GetValue<string>())),
        _ => throw OpenAiException.Invalid(at, $"'{at}' must be a string or a list of {{\"type\": \"text\", \"text\": ...}}; other content is not supported."),
    };
}
