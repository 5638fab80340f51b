using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Replays;

namespace ContinualService.Api.Replays;

/// <summary>One version of the lineage, trained again from what the one before came out as.</summary>
/// <param name="Version">Its number.</param>
/// <param name="TaskId">The task that made it.</param>
/// <param name="Verdict">bit_identical, within_tolerance or diverged.</param>
/// <param name="Sha256">Of the served weights, now.</param>
/// <param name="StateSha256">Of the training state, now.</param>
/// <param name="SameFiles">Whether both files have the stored digests.</param>
/// <param name="Differing">How many tensors of the state differ.</param>
/// <param name="Most">The one that differs most; null: none does.</param>
/// <param name="Tensors">Those that differ; of an earlier version than the last only the one that differs most.</param>
/// <param name="Manifest">What is not as it was when the version was made.</param>
public sealed record ReplayedVersionResponse(
    int Version, string TaskId, string Verdict, string Sha256, string StateSha256, bool SameFiles, int Differing, TensorDifference? Most, IReadOnlyList<TensorDifference> Tensors,
    IReadOnlyList<EnvironmentDifference> Manifest)
{
    internal static ReplayedVersionResponse Of(ReplayedVersion replayed, AdapterVersion stored) => new(
        replayed.Number, replayed.TaskId, WireName.Of(replayed.Verdict), replayed.Sha256, replayed.StateSha256, (replayed.Sha256, replayed.StateSha256) == (stored.Sha256, stored.StateSha256),
        replayed.Differing, replayed.Most, replayed.Tensors, Differences(TrainingEnvironment.Read(stored.EnvironmentJson), replayed.Environment));

    private static IReadOnlyList<EnvironmentDifference> Differences(TrainingEnvironment? stored, TrainingEnvironment here) => stored is null
        ? [.. here.Fields.Select(field => new EnvironmentDifference(field.Name, null, field.Value))]
        : [.. stored.DifferencesTo(here).Select(field => new EnvironmentDifference(field.Field, field.Stored, field.Here))];
}
