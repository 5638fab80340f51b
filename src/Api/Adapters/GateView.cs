using System.Text.Json.Nodes;

namespace ContinualService.Api.Adapters;

/// <summary>A stored verdict as clients see it.</summary>
internal static class GateView
{
    private static readonly string[] Details = ["broken", "tried", "policy"];

    public static JsonObject? Whole(string? gateJson) => gateJson is null ? null : (JsonObject)JsonNode.Parse(gateJson)!;

    /// <summary>The verdict and its criteria, for lists, tasks and jobs: the rows that broke and what else was tried stand with the version alone.</summary>
    public static JsonObject? Brief(string? gateJson)
    {
        var gate = Whole(gateJson);
        foreach (var detail in Details) gate?.Remove(detail);
        return gate;
    }
}
