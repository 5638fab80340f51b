using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Engine.Inference;

namespace ContinualService.Api.OpenAi;

/// <summary>What the chat and the text route have in common.</summary>
/// <param name="Model">An adapter, a version of one, or a base model.</param>
/// <param name="MaxNewTokens">Null: as many as the context still holds.</param>
/// <param name="Choices">How many answers to one prompt.</param>
/// <param name="Stop">Texts that end an answer and are left out of it.</param>
/// <param name="Sampling">How tokens are chosen.</param>
/// <param name="Stream">Server-sent events instead of one body.</param>
/// <param name="IncludeUsage">A streamed answer ends with the token counts.</param>
/// <param name="LogProbabilities">Null: none are reported; otherwise how many alternatives beside each token.</param>
internal sealed record GenerationRequest(
    string Model, int? MaxNewTokens, int Choices, IReadOnlyList<string> Stop, SamplingOptions Sampling, bool Stream, bool IncludeUsage, int? LogProbabilities)
{
    /// <summary>Whether the answer's text goes on where the prompt's ends; false: it is a message of its own.</summary>
    public bool ContinuesPrompt { get; init; }

    public const int MostAlternatives = 256;
    private const int MostChoices = 16;
    private const int MostStops = 16;

    public static GenerationRequest Read(RequestFields fields, int? maxNewTokens, int? logProbabilities)
    {
        var model = fields.Text("model");
        if (string.IsNullOrEmpty(model))
            throw new OpenAiException(400, "'model' is missing. Name an adapter, a version (adapter@7) or a base model; GET /v1/models lists them.", "model", "missing_required_parameter");
        var seed = fields.Node("seed") is null ? RandomNumberGenerator.GetInt32(int.MaxValue) : Seed(fields);
        var stream = fields.Flag("stream") ?? false;
        var sampling = new SamplingOptions(
            fields.Number("temperature", 0, 2) ?? 1,
            fields.Number("top_p", 0, 1) ?? 1,
            fields.Number("frequency_penalty", -2, 2) ?? 0,
            fields.Number("presence_penalty", -2, 2) ?? 0,
            LogitBias(fields.Node("logit_bias")),
            seed,
            logProbabilities ?? 0);
        fields.Accept("user", "metadata", "store", "safety_identifier", "prompt_cache_key");
        fields.OnlyDefault("service_tier", value => value.ToString() is "auto" or "default", "leave it out");
        return new GenerationRequest(
            model, maxNewTokens, fields.Whole("n", 1, MostChoices) ?? 1, Stops(fields.Node("stop")), sampling, stream,
            WantsUsage(fields.Node("stream_options"), stream), logProbabilities);
    }

    private static int Seed(RequestFields fields)
    {
        // The full 64-bit range is accepted; the generator takes 31 bits of it.
        if (fields.Node("seed") is JsonValue value && value.GetValueKind() == JsonValueKind.Number && value.TryGetValue<long>(out var seed))
            return (int)((ulong)seed % int.MaxValue);
        throw OpenAiException.Invalid("seed", "'seed' has the wrong type; send a whole number.");
    }

    private static string[] Stops(JsonNode? node)
    {
        var stops = node switch
        {
            null => [],
            JsonValue value when value.TryGetValue<string>(out var text) => [text],
            JsonArray list when list.All(item => item?.GetValueKind() == JsonValueKind.String) => list.Select(item => item!.GetValue<string>()).ToArray(),
            _ => throw OpenAiException.Invalid("stop", "'stop' has the wrong type; send a string or a list of strings."),
        };
        if (stops.Length > MostStops) throw OpenAiException.Invalid("stop", $"'stop' has {stops.Length} entries; send at most {MostStops}.");
        if (stops.Any(string.IsNullOrEmpty)) throw OpenAiException.Invalid("stop", "'stop' holds an empty string; every stop sequence needs a character.");
        return stops;
    }

    private static Dictionary<int, double>? LogitBias(JsonNode? node)
    {
        if (node is null) return null;
        if (node is not JsonObject map) throw OpenAiException.Invalid("logit_bias", "'logit_bias' has the wrong type; send an object {token id: bias}.");
        var biases = new Dictionary<int, double>();
        foreach (var (key, value) in map)
        {
            if (!int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                || value is not JsonValue number || number.GetValueKind() != JsonValueKind.Number
                || number.GetValue<double>() is not (>= -100 and <= 100))
                throw OpenAiException.Invalid("logit_bias", $"'logit_bias' has the entry \"{key}\": {value?.ToJsonString() ?? "null"}; keys are token ids, values numbers from -100 to 100.");
            biases[id] = number.GetValue<double>();
        }

        return biases;
    }

    private static bool WantsUsage(JsonNode? node, bool stream)
    {
        if (node is null) return false;
        if (!stream) throw OpenAiException.Invalid("stream_options", "'stream_options' is for streamed answers; set \"stream\": true or leave it out.");
        if (node is not JsonObject options) throw OpenAiException.Invalid("stream_options", "'stream_options' has the wrong type; send an object.");
        var fields = new RequestFields(options, "stream_options.");
        var include = fields.Flag("include_usage") ?? false;
        fields.Accept("include_obfuscation");
        fields.RefuseUnknown();
        return include;
    }
}
