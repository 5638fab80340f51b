using System.Text.Json;
using System.Text.Json.Nodes;

namespace ContinualService.Api.OpenAi;

/// <summary>The body of POST /v1/completions. Each prompt is a text or a list of token ids.</summary>
internal sealed record TextRequest(GenerationRequest Generation, IReadOnlyList<(string? Text, int[]? Ids)> Prompts, bool Echo)
{
    private const int MostPrompts = 64;

    // The default of the published API.
    private const int DefaultNewTokens = 16;

    public static TextRequest Parse(JsonObject body)
    {
        var fields = new RequestFields(body);
        var prompts = ReadPrompts(fields.Node("prompt"));
        var echo = fields.Flag("echo") ?? false;
        var maxNewTokens = fields.Whole("max_tokens", 0, int.MaxValue) ?? DefaultNewTokens;
        if (maxNewTokens == 0 && !echo) throw OpenAiException.Invalid("max_tokens", "'max_tokens' is 0, which leaves nothing to answer; send 1 or more, or set \"echo\": true.");
        fields.OnlyDefault("suffix", value => value.ToString().Length == 0, "leave it out");
        var best = fields.Whole("best_of", 1, 16);
        var generation = GenerationRequest.Read(fields, maxNewTokens, fields.Whole("logprobs", 0, GenerationRequest.MostAlternatives));
        if (best is not null && best != generation.Choices) throw OpenAiException.Invalid("best_of", "'best_of' other than 'n' is not supported; leave it out.");
        fields.RefuseUnknown();
        return new TextRequest(generation with { ContinuesPrompt = true }, prompts, echo);
    }

    private static List<(string?, int[]?)> ReadPrompts(JsonNode? node)
    {
        List<(string?, int[]?)> prompts = node switch
        {
            JsonValue value when value.TryGetValue<string>(out var text) => [(text, null)],
            JsonArray { Count: > 0 } list when Ids(list) is { } ids => [(null, ids)],
            JsonArray { Count: > 0 } list when list.All(item => item?.GetValueKind() == JsonValueKind.String) =>
                [.. list.Select(item => ((string?)item!.GetValue<string>(), (int[]?)null))],
            JsonArray { Count: > 0 } list when list.All(item => item is JsonArray { Count: > 0 } inner && Ids(inner) is not null) =>
                [.. list.Select(item => ((string?)null, Ids((JsonArray)item!)))],
            _ => throw OpenAiException.Invalid("prompt", "'prompt' must be a text, a list of texts, a list of token ids, or a list of lists of token ids; none may be empty."),
        };
        return prompts.Count <= MostPrompts ? prompts : throw OpenAiException.Invalid("prompt", $"'prompt' holds {prompts.Count} prompts; send at most {MostPrompts}.");
    }

    private static int[]? Ids(JsonArray list)
    {
        var ids = new int[list.Count];
        for (var index = 0; index < ids.Length; index++)
        {
            if (list[index] is not JsonValue value || value.GetValueKind() != JsonValueKind.Number || !value.TryGetValue(out ids[index])) return null;
        }

        return ids;
    }
}
