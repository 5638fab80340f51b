using System.Text.Json.Nodes;

namespace ContinualService.Api.OpenAi.Jobs;

/// <summary>The body of POST /v1/fine_tuning/jobs.</summary>
/// <param name="Model">A base model, or the adapter whose next task this is.</param>
/// <param name="TrainingFile">Id of a file.</param>
/// <param name="ValidationFile">Id of the file of held-out rows; null: a share of the training rows is held out.</param>
/// <param name="Suffix">What to call the new adapter; null: the service chooses.</param>
/// <param name="Seed">Of everything random; null: the service's default.</param>
/// <param name="Hyperparameters">How to tune.</param>
/// <param name="Metadata">The client's own object of texts; null: none.</param>
internal sealed record JobRequest(
    string Model, string TrainingFile, string? ValidationFile, string? Suffix, int? Seed, JobHyperparameters Hyperparameters, JsonObject? Metadata)
{
    private const int MostPairs = 16;
    private const int LongestKey = 64;
    private const int LongestValue = 512;

    /// <exception cref="OpenAiException">400, naming the option.</exception>
    public static JobRequest Parse(JsonObject body)
    {
        var fields = new RequestFields(body);
        var request = new JobRequest(
            fields.Text("model") ?? throw OpenAiException.Missing("model", "'model' is missing. Name a base model for a new adapter, or an adapter for its next task; GET /v1/models lists them."),
            fields.Text("training_file") ?? throw OpenAiException.Missing("training_file", "'training_file' is missing. Send the id of a file of POST /v1/files."),
            fields.Text("validation_file"),
            fields.Text("suffix"),
            fields.Whole("seed", 0, int.MaxValue),
            JobHyperparameters.Read(fields),
            Texts(fields.Node("metadata")));
        fields.OnlyDefault("integrations", value => value is JsonArray { Count: 0 }, "integrations are not offered, so leave it out");
        fields.RefuseUnknown();
        return request;
    }

    private static JsonObject? Texts(JsonNode? node)
    {
        if (node is null) return null;
        var good = node is JsonObject { Count: <= MostPairs } pairs
            && pairs.All(pair => pair.Key.Length <= LongestKey && pair.Value is JsonValue value && value.TryGetValue<string>(out var text) && text.Length <= LongestValue);
        return good
            ? (JsonObject)node.DeepClone()
            : throw OpenAiException.Invalid("metadata", $"'metadata' must be an object of at most {MostPairs} texts: names up to {LongestKey} characters, values up to {LongestValue}.");
    }
}
