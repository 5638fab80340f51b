using System.Text.Json.Nodes;
using ContinualService.Domain.Unlearnings;

namespace ContinualService.Api.Unlearnings;

/// <summary>A task that is to be taken out of the adapter.</summary>
public sealed class UnlearnRequest
{
    /// <summary>Its id, or its number among the tasks of GET /adapters/{id}/matrix: 1 is the first that was learned.</summary>
    public JsonNode? Task { get; init; }

    /// <summary>exact (default): the tasks after it are learned again without it. approximate: its own pair is taken out of what the method keeps; inclora, o-lora, ties and lorac-ipc.</summary>
    public UnlearnMode? Mode { get; init; }
}
