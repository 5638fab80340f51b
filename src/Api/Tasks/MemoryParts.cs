using ContinualService.Engine.Training;

namespace ContinualService.Api.Tasks;

/// <summary>Bytes of a training process, counted from shapes (docs/performance.md). Training and scoring come after one another: the larger counts.</summary>
/// <param name="Weights">The base as it is held to train on (<c>Training:Base</c>, <c>Training:Offload</c>).</param>
/// <param name="Adapters">The adapter's states before and after, and what serves of both.</param>
/// <param name="Optimiser">What is trained, its gradient and two moments.</param>
/// <param name="Activations">What the backward pass of the longest batch needs.</param>
/// <param name="Logits">The loss's logits.</param>
/// <param name="Scoring">Scoring, in place of the three before.</param>
/// <param name="WholeBase">What the base takes beyond that where it is scored, in full.</param>
/// <param name="Process">Runtime and libraries.</param>
public sealed record MemoryParts(long Weights, long Adapters, long Optimiser, long Activations, long Logits, long Scoring, long WholeBase, long Process)
{
    internal static MemoryParts Of(MemoryEstimate estimate) =>
        new(estimate.Weights, estimate.Adapters, estimate.Optimiser, estimate.Activations, estimate.Logits, estimate.Scoring, estimate.WholeBase, estimate.Process);
}
