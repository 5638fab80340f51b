using System.Text.Json.Nodes;

namespace ContinualService.Api.Adapters;

/// <summary>A new adapter: one LoRA over one base model. What is set here never changes, but for the gate.</summary>
public sealed class CreateAdapterRequest
{
    /// <summary>Unique among your adapters: letters, digits, dot, dash, underscore; at most 64.</summary>
    public string? Name { get; init; }

    /// <summary>A base model of <c>GET /models</c>; absent: the service's default model.</summary>
    public string? Model { get; init; }

    /// <summary>Rank of the low-rank matrices, 1 to 256; default 8.</summary>
    public int? Rank { get; init; }

    /// <summary>Scale is alpha / rank; above 0, default 16.</summary>
    public double? Alpha { get; init; }

    /// <summary>Names of linear layers such as ["q_proj", "v_proj"], or "all-linear" (default).</summary>
    public JsonNode? TargetModules { get; init; }

    /// <summary>How tasks are learned after one another: slao (default), or another method of docs/methods.md.</summary>
    public string? Method { get; init; }

    /// <summary>Options of the method that are not to have their defaults; docs/methods.md lists them.</summary>
    public JsonObject? MethodOptions { get; init; }

    /// <summary>What a version must keep to be published; absent or null: every version is.</summary>
    public GateRequest? Gate { get; init; }
}
