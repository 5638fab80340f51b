using System.Text.Json.Nodes;

namespace ContinualService.Api.Previews;

/// <summary>A merge preview: what other weights of the last task in the merge would score. An empty object asks for the usual one.</summary>
public sealed class CreatePreviewRequest
{
    /// <summary>Up to 33 numbers from 0 (the new task's B is left out) to 1 (it replaces the merged B), ascending; default 0, 0.125, ... 1. The method's own is always among the answers.</summary>
    public JsonArray? Lambdas { get; init; }

    /// <summary>
    /// Lambdas by layer, as further points of the curve: {"from": 0.2, "to": 0.8}, from the first layer to the last in equal steps, or {"layers": [0.1, 0.9]}, a number for each of the model's layers.
    /// With the lambdas there are 33 at most.
    /// </summary>
    public JsonArray? Schedules { get; init; }

    /// <summary>How a lambda is chosen; default: the highest average accuracy.</summary>
    public PreviewPolicyRequest? Policy { get; init; }
}
