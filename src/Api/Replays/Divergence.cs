using ContinualService.Domain.Replays;

namespace ContinualService.Api.Replays;

/// <summary>Where a replay left the stored lineage.</summary>
/// <param name="Version">The first version that differs by more than the tolerance.</param>
/// <param name="TaskId">The task that made it.</param>
/// <param name="Tensor">Its first tensor, in the model's order, that does.</param>
public sealed record Divergence(int Version, string TaskId, TensorDifference Tensor)
{
    internal static Divergence? Of(IReadOnlyList<ReplayedVersion> versions, double tolerance) => versions.FirstOrDefault(version => version.Verdict == ReplayVerdict.Diverged) is { } diverged
        ? new Divergence(diverged.Number, diverged.TaskId, diverged.Tensors.First(tensor => tensor.Relative > tolerance))
        : null;
}
