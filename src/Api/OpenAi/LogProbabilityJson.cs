using System.Text;
using System.Text.Json.Nodes;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Text;

namespace ContinualService.Api.OpenAi;

/// <summary>The two published shapes of log-probabilities. Product fields begin with x_ and give token ids.</summary>
internal static class LogProbabilityJson
{
    private static readonly UTF8Encoding s_strictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>The chat route's shape.</summary>
    public static JsonObject Chat(Tokenizer tokenizer, IEnumerable<ScoredToken> tokens)
    {
        var content = new JsonArray();
        foreach (var token in tokens)
        {
            var entry = Entry(tokenizer, token.Id, token.LogProbability);
            entry["top_logprobs"] = new JsonArray([.. token.Top.Select(top => (JsonNode)Entry(tokenizer, top.Id, top.LogProbability))]);
            content.Add((JsonNode)entry);
        }

        return new JsonObject { ["content"] = content, ["refusal"] = null };
    }

    /// <summary>The text route's shape.</summary>
    public static JsonObject Text(Tokenizer tokenizer, IEnumerable<ScoredToken> tokens, TextOffsets offsets)
    {
        JsonArray texts = [], values = [], tops = [], places = [], ids = [], topIds = [];
        foreach (var token in tokens)
        {
            texts.Add(Name(tokenizer, token.Id));
            values.Add(Value(token.LogProbability));
            places.Add(offsets.Next(token.Id));
            ids.Add(token.Id);
            if (double.IsNaN(token.LogProbability))
            {
                tops.Add(null);
                topIds.Add(null);
                continue;
            }

            var top = new JsonObject();
            foreach (var (id, value) in token.Top) top.TryAdd(Name(tokenizer, id), Value(value));
            tops.Add((JsonNode)top);
            topIds.Add((JsonNode)new JsonArray([.. token.Top.Select(item => (JsonNode)new JsonObject { ["id"] = item.Id, ["logprob"] = Value(item.LogProbability) })]));
        }

        return new JsonObject
        {
            ["tokens"] = texts,
            ["token_logprobs"] = values,
            ["top_logprobs"] = tops,
            ["text_offset"] = places,
            ["x_token_ids"] = ids,
            ["x_top_logprobs"] = topIds,
        };
    }

    private static JsonObject Entry(Tokenizer tokenizer, int id, double value) => new()
    {
        ["token"] = Name(tokenizer, id),
        ["logprob"] = Value(value),
        ["bytes"] = new JsonArray([.. tokenizer.TokenBytes(id).Select(part => (JsonNode)(int)part)]),
        ["x_token_id"] = id,
    };

    /// <summary>The token's text; bytes that are no UTF-8 by themselves are spelled out, so that two tokens never share a name by accident.</summary>
    private static string Name(Tokenizer tokenizer, int id)
    {
        var bytes = tokenizer.TokenBytes(id);
        try
        {
            return s_strictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException) // part of a character
        {
            return "bytes:" + string.Concat(bytes.Select(part => $"\\x{part:x2}"));
        }
    }

    // JSON has no infinities; the published API answers -9999 for them.
    private static JsonValue? Value(double value) =>
        double.IsNaN(value) ? null : JsonValue.Create(double.IsNegativeInfinity(value) ? -9999.0 : value);
}
