using System.Text.Json.Nodes;

namespace ContinualService.Api.Versions;

/// <summary>All that decides a version's numbers: with the same of everything here the same bits come out again.</summary>
/// <param name="Version">Its number.</param>
/// <param name="Model">Name of the base.</param>
/// <param name="BaseDigest">Of the base's weights, configuration, tokenizer and chat template.</param>
/// <param name="TemplateSha256">Of the template alone.</param>
/// <param name="Method">Name of the method.</param>
/// <param name="MethodOptions">Its options.</param>
/// <param name="Rank">R.</param>
/// <param name="Alpha">Numerator of the scale.</param>
/// <param name="TargetModules">The adapted layers.</param>
/// <param name="Lineage">The versions that lead to it, the first one first: their order is that of the tasks.</param>
public sealed record ManifestResponse(
    int Version, string Model, string BaseDigest, string TemplateSha256, string Method, JsonNode? MethodOptions, int Rank, double Alpha, JsonNode? TargetModules, IReadOnlyList<ManifestStep> Lineage);
