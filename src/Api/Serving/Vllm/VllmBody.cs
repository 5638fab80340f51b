using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using ContinualService.Engine.Inference.Batching;

namespace ContinualService.Api.Serving.Vllm;

/// <summary>The bodies of requests to /v1/completions. Every option is spelled out: what is left out, a server takes from its own generation configuration.</summary>
internal static class VllmBody
{
    /// <summary>Generates, piece by piece.</summary>
    /// <param name="request">What is asked for.</param>
    /// <param name="endIds">Tokens that end an answer.</param>
    /// <param name="owner">Of this process's part of the fleet.</param>
    public static JsonObject Generate(SequenceRequest request, IReadOnlyList<int> endIds, string owner)
    {
        var sampling = request.Sampling;
        var body = Common(request, owner);
        body["max_tokens"] = request.MaxNewTokens;
        body["temperature"] = sampling.Temperature;
        // vLLM knows no nucleus of 0; the likeliest token alone is what it means.
        body["top_p"] = sampling.TopP > 0 ? sampling.TopP : 1;
        body["top_k"] = sampling.TopP > 0 ? -1 : 1;
        body["frequency_penalty"] = sampling.FrequencyPenalty;
        body["presence_penalty"] = sampling.PresencePenalty;
        body["seed"] = sampling.Seed;
        body["stop_token_ids"] = new JsonArray([.. endIds.Select(id => JsonValue.Create(id))]);
        body["return_token_ids"] = true;
        body["stream"] = true;
        body["stream_options"] = new JsonObject { ["include_usage"] = true };
        if (sampling.LogitBias is { Count: > 0 } bias)
            body["logit_bias"] = new JsonObject(bias.Select(entry => KeyValuePair.Create(entry.Key.ToString(CultureInfo.InvariantCulture), (JsonNode?)entry.Value)));
        if (!request.WantsLogProbabilities) return body;
        body["logprobs"] = sampling.TopLogProbabilities;
        // Texts of tokens are not unique, ids are.
        body["return_tokens_as_token_ids"] = true;
        return body;
    }

    /// <summary>Scores the prompt; vLLM does not do it in a stream, nor without one new token.</summary>
    public static JsonObject Score(SequenceRequest request, string owner)
    {
        var body = Common(request, owner);
        body["max_tokens"] = 1;
        body["temperature"] = 0;
        body["prompt_logprobs"] = request.Sampling.TopLogProbabilities;
        return body;
    }

    private static JsonObject Common(SequenceRequest request, string owner) => new()
    {
        ["prompt"] = new JsonArray([.. request.Prompt.Select(id => JsonValue.Create(id))]),
        ["n"] = 1,
        ["min_p"] = 0,
        ["repetition_penalty"] = 1,
        // The ends of a turn are those of the base's files here, in stop_token_ids.
        ["ignore_eos"] = true,
        // Tenants never share cached prefixes: how fast an answer comes would tell one what another asked.
        ["cache_salt"] = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{owner}\n{request.Owner}"))),
    };
}
