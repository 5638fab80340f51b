using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Api.Errors;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;

namespace ContinualService.Api.Adapters;

/// <summary>What slao.json of an exported adapter adds to PEFT's files.</summary>
/// <param name="TaskIndex">i of the exported version; null: not said.</param>
/// <param name="Method">The method that made it; null: not said, or not known here.</param>
internal sealed record ImportFacts(int? TaskIndex, IContinualMethod? Method)
{
    /// <summary>Reads the facts in <paramref name="folder"/> and holds them against the weights beside them and the base.</summary>
    public static Outcome<ImportFacts> Read(string folder, CatalogModel model)
    {
        if (Parse(File.ReadAllText(Path.Combine(folder, PeftAdapter.FactsFile))) is not { } facts)
            return Bad("is no JSON object");
        if (Text(facts, "base_digest") is { } digest && digest != model.Digest)
            return new Problem(ProblemTypes.OtherBase, $"{PeftAdapter.FactsFile} says the adapter was trained on a base of digest {digest}; '{model.Name}' here has {model.Digest}. Use the same files (weights, configuration, tokenizer, template), or take {PeftAdapter.FactsFile} out of the zip.");
        using var weights = File.OpenRead(Path.Combine(folder, PeftAdapter.WeightsFile));
        if (Text(facts, "sha256") is { } sha256 && sha256 != Convert.ToHexStringLower(SHA256.HashData(weights)))
            return Bad($"is of other weights than {PeftAdapter.WeightsFile}");
        var index = facts["i"] is JsonValue value && value.TryGetValue<int>(out var i) && i >= 1 ? i : (int?)null;
        return new ImportFacts(index, MethodOf(facts));
    }

    private static IContinualMethod? MethodOf(JsonObject facts)
    {
        if (Text(facts, "method") is not { } name || !ContinualMethods.Names.Contains(name)) return null;
        var options = facts["method_options"] as JsonObject ?? [];
        return ContinualMethods.Check(name, options).Count == 0 ? ContinualMethods.ByName(name, options.ToJsonString()) : null;
    }

    private static JsonObject? Parse(string json)
    {
        try
        {
            return JsonNode.Parse(json) as JsonObject;
        }
        catch (JsonException)
        {
            // No JSON at all: as wrong as another kind of JSON.
            return null;
        }
    }

    private static string? Text(JsonObject facts, string name) => facts[name] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static Problem Bad(string reason) =>
        Problem.Invalid(ImportAdapter.ArchivePart, $"{PeftAdapter.FactsFile} {reason}.", $"Send the zip as it was downloaded, or take {PeftAdapter.FactsFile} out of it.");
}
