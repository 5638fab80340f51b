using System.Text.Json;
using System.Text.Json.Serialization;

namespace ContinualService.Domain.Replays;

/// <summary>One version of the lineage, trained again from what the one before came out as.</summary>
/// <param name="Number">Its number.</param>
/// <param name="TaskId">The task that made it.</param>
/// <param name="Verdict">Whether the same came out.</param>
/// <param name="Sha256">Of the served weights that came out now.</param>
/// <param name="StateSha256">Of the training state that came out now.</param>
/// <param name="Environment">What computed it now.</param>
/// <param name="Differing">How many tensors differ.</param>
/// <param name="Tensors">Those that do, in the model's order; of an earlier version than the last only the one that differs most.</param>
public sealed record ReplayedVersion(
    int Number, string TaskId, ReplayVerdict Verdict, string Sha256, string StateSha256, TrainingEnvironment Environment, int Differing, IReadOnlyList<TensorDifference> Tensors)
{
    public static ReplayedVersion Of(
        int number, string taskId, string sha256, string stateSha256, TrainingEnvironment environment, IReadOnlyList<TensorDifference> differing, double tolerance)
    {
        var verdict = differing.Count == 0 ? ReplayVerdict.BitIdentical : differing.All(tensor => tensor.Relative <= tolerance) ? ReplayVerdict.WithinTolerance : ReplayVerdict.Diverged;
        return new ReplayedVersion(number, taskId, verdict, sha256, stateSha256, environment, differing.Count, differing);
    }

    /// <summary>The tensor that differs most; null: none does.</summary>
    [JsonIgnore]
    public TensorDifference? Most => Tensors.MaxBy(tensor => tensor.Relative);

    public static IReadOnlyList<ReplayedVersion> Read(string json) => JsonSerializer.Deserialize<List<ReplayedVersion>>(json, JsonSerializerOptions.Web) ?? [];

    /// <summary>Adds what was trained after these; a lineage of a hundred tasks stays a row of bounded size.</summary>
    public static string Append(IReadOnlyList<ReplayedVersion> earlier, IReadOnlyList<ReplayedVersion> later)
    {
        List<ReplayedVersion> all = [.. earlier, .. later];
        return JsonSerializer.Serialize(
            all.Select((version, index) => index == all.Count - 1 || version.Most is not { } most ? version : version with { Tensors = [most] }), JsonSerializerOptions.Web);
    }

    /// <summary>How many at the beginning came out the same, to the bit: the next attempt may start from what is stored of them.</summary>
    public static int IdenticalAtStart(IReadOnlyList<ReplayedVersion> versions) => versions.TakeWhile(version => version.Verdict == ReplayVerdict.BitIdentical).Count();
}
