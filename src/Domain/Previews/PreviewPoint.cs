using System.Text.Json;
using ContinualService.Domain.Gates;

namespace ContinualService.Domain.Previews;

/// <summary>One merge, measured.</summary>
/// <param name="Lambda">0 to 1; of a schedule the mean over the layers.</param>
/// <param name="Sha256">Of the served weights that were measured: an adopted version has just these.</param>
/// <param name="StateSha256">Of the training state beside them.</param>
/// <param name="Scores">Of every task that has held-out rows, in the order learned.</param>
/// <param name="Schedule">Text of the <see cref="MergeSchedule"/>; null where all layers have the one lambda.</param>
/// <param name="Gate">What the adapter's gate, as it was then, says of it; null: there was none.</param>
public sealed record PreviewPoint(double Lambda, string Sha256, string StateSha256, IReadOnlyList<PreviewScore> Scores, string? Schedule = null, GateVerdict? Gate = null)
{
    public static PreviewPoint Of(MergeSchedule merge, int layers, string sha256, string stateSha256, IReadOnlyList<PreviewScore> scores, GateVerdict? gate) =>
        new(merge.Mean(layers), sha256, stateSha256, scores, merge.Schedule, gate);

    /// <summary>What was merged, and the point's name among those of its preview.</summary>
    public MergeSchedule Merge() => MergeSchedule.Named(Lambda, Schedule);

    public static IReadOnlyList<PreviewPoint> Read(string json) => JsonSerializer.Deserialize<List<PreviewPoint>>(json, GatePolicy.Json) ?? [];

    public static string Write(IEnumerable<PreviewPoint> points) => JsonSerializer.Serialize(points.OrderBy(point => point.Schedule is not null).ThenBy(point => point.Lambda), GatePolicy.Json);
}
