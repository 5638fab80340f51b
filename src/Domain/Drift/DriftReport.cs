using System.Text.Json;
using ContinualService.Domain.Adapters;

namespace ContinualService.Domain.Drift;

/// <summary>What a version was compared by, and which limits it went over; kept with the version.</summary>
/// <param name="Parent">The version it was compared with.</param>
/// <param name="Measures">Beside the scores, which are in the matrix.</param>
/// <param name="Limits">As they were when it was published.</param>
/// <param name="Alarms">In the order score or loss of each task, angle, canaries, answers that stop.</param>
public sealed record DriftReport(int Parent, DriftMeasures Measures, DriftLimits Limits, IReadOnlyList<DriftAlarm> Alarms)
{
    /// <summary>Compares.</summary>
    /// <param name="parent">The version it was made from.</param>
    /// <param name="cells">The adapter's matrix, both versions' cells among them.</param>
    /// <param name="number">The new version.</param>
    /// <param name="taskId">The task it learned, whose own score is no fall.</param>
    /// <param name="measures">What its run measured.</param>
    /// <param name="limits">What is allowed.</param>
    public static DriftReport Of(int parent, IEnumerable<AdapterMatrixCell> cells, int number, string taskId, DriftMeasures measures, DriftLimits limits)
    {
        var all = cells.ToList();
        List<DriftAlarm> alarms = [];
        foreach (var cell in all.Where(cell => cell.VersionNumber == number && cell.TaskId != taskId))
        {
            if (all.Find(before => before.VersionNumber == parent && before.TaskId == cell.TaskId && before.Metric == cell.Metric) is not { } earlier) continue;
            var (was, now) = (earlier.At(0, 0), cell.At(0, 0));
            var isLoss = cell.Metric == "loss";
            // A fall that lies within the new score's own interval may be the choice of few rows.
            if (was.Score > now.High) Raise(isLoss ? "loss_rise" : "score_drop", was.Score - now.Score, isLoss ? limits.LossRise : limits.ScoreDrop, cell.TaskId);
        }

        Raise("angle", measures.AngleDegrees, limits.Angle, measures.AngleLayer);
        Raise("canary_kl", measures.CanaryKl, limits.CanaryKl, null);
        Raise("stop_drop", measures.StoppedBefore - measures.Stopped, limits.StopDrop, null);
        return new DriftReport(parent, measures, limits, alarms);

        void Raise(string alarm, double? value, double? limit, string? subject)
        {
            if (value > limit) alarms.Add(new DriftAlarm(alarm, value.Value, limit.Value, subject));
        }
    }

    public static DriftReport? Read(string? json) => json is null ? null : JsonSerializer.Deserialize<DriftReport>(json, JsonSerializerOptions.Web);

    public string Write() => JsonSerializer.Serialize(this, JsonSerializerOptions.Web);
}
