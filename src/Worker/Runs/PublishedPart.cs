using ContinualService.Infrastructure.Storage;

namespace ContinualService.Worker.Runs;

/// <summary>What becomes one version.</summary>
/// <param name="Result">What the process reported.</param>
/// <param name="Adapter">The served weights, stored.</param>
/// <param name="State">The training state, stored.</param>
internal sealed record PublishedPart(RunResult Result, StoredObject Adapter, StoredObject State);
