using System.Text.Json.Nodes;

namespace ContinualService.Api.Previews;

/// <summary>A merge preview: what other weights of the last task in the merge would score. An empty object asks for the usual one.</summary>
public sealed class CreatePreviewRequest
{
    /// <summary>Up to 33 numbers from 0 (the new task's B is left out) to 1 (it replaces the merged B), ascending; default 0, 0.125, ... 1. The method's own is always among the answers.</summary>
    public JsonArray? Lambdas { get; init; }

    /// <summary>How a lambda is chosen; default: the highest average accuracy.</summary>
    public PreviewPolicyRequest? Policy { get; init; }
}
