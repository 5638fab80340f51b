using System.Text.Json.Nodes;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Drift;

namespace ContinualService.Api.Adapters;

/// <summary>An adapter as clients see it.</summary>
public sealed class AdapterResponse
{
    public required string Id { get; init; }
    public required string Name { get; init; }
    public required string Model { get; init; }

    /// <summary>SHA-256 over the base's weights, configuration, tokenizer and template.</summary>
    public required string BaseDigest { get; init; }
    public required int Rank { get; init; }
    public required double Alpha { get; init; }

    /// <summary>Layer names, or "all-linear".</summary>
    public required JsonNode TargetModules { get; init; }
    public required string Method { get; init; }

    /// <summary>Every option of the method, with its value.</summary>
    public required JsonObject MethodOptions { get; init; }

    /// <summary>What a version must keep to be published, with its defaults; null: every version is.</summary>
    public required JsonObject? Gate { get; init; }

    /// <summary>What differs from the service's own limits of drift (PUT /adapters/{id}/drift); null: nothing.</summary>
    public required DriftSettings? Drift { get; init; }

    /// <summary>The version the next task starts from; 0 before the first.</summary>
    public required int HeadVersion { get; init; }

    /// <summary>Tasks learned.</summary>
    public required int TaskCount { get; init; }

    /// <summary>Movable names of versions; <c>live</c> is null before the first.</summary>
    public required IReadOnlyDictionary<string, int?> Aliases { get; init; }

    /// <summary>Whether its live version stays in the servers' memory (PUT /adapters/{id}/pin).</summary>
    public required bool Pinned { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }

    internal static AdapterResponse Of(Adapter adapter, IEnumerable<AdapterAlias> aliases)
    {
        var byName = new SortedDictionary<string, int?>(StringComparer.Ordinal) { [AdapterAlias.Live] = null };
        foreach (var alias in aliases) byName[alias.Name] = alias.VersionNumber;
        return new AdapterResponse
        {
            Id = adapter.Id,
            Name = adapter.Name,
            Model = adapter.Model,
            BaseDigest = adapter.BaseDigest,
            Rank = adapter.Rank,
            Alpha = adapter.Alpha,
            TargetModules = Targets(adapter.TargetModulesJson),
            Method = adapter.Method,
            MethodOptions = (JsonObject)JsonNode.Parse(adapter.MethodOptionsJson)!,
            Gate = adapter.GateJson is { } gate ? (JsonObject?)JsonNode.Parse(gate) : null,
            Drift = adapter.DriftJson is null ? null : DriftSettings.Of(DriftPolicy.Read(adapter.DriftJson)),
            HeadVersion = adapter.HeadVersion,
            TaskCount = adapter.TaskCount,
            Aliases = byName,
            Pinned = adapter.PinnedAt is not null,
            CreatedAt = adapter.CreatedAt,
        };
    }

    private static JsonNode Targets(string json)
    {
        var names = (JsonArray)JsonNode.Parse(json)!;
        return names is [JsonValue only] && only.GetValue<string>() == Engine.Lora.LoraConfig.AllLinear ? only.DeepClone() : names;
    }
}
