using ContinualService.Domain.Drift;

namespace ContinualService.Api.Adapters;

/// <summary>How far a version went from its parent; the scores themselves are in the matrix. Null: not measured.</summary>
/// <param name="Parent">The version it was compared with.</param>
/// <param name="Angle">Largest principal angle in degrees between the row spaces of A, over all layers.</param>
/// <param name="AngleLayer">The layer that has it.</param>
/// <param name="CanaryKl">Mean KL divergence in nats of the next-token distributions on the canaries, from the parent.</param>
/// <param name="CanaryKlFromBase">The same from the bare base.</param>
/// <param name="StopShareBefore">Share of the parent's greedy answers to held-out questions that end by themselves.</param>
/// <param name="StopShare">The same of this version.</param>
/// <param name="StopRows">Questions asked for that.</param>
/// <param name="Limits">What was allowed when it was published.</param>
/// <param name="Alarms">What went over; empty: nothing.</param>
public sealed record VersionDrift(
    int Parent, double? Angle, string? AngleLayer, double? CanaryKl, double? CanaryKlFromBase, double? StopShareBefore, double? StopShare, int StopRows, DriftSettings Limits,
    IReadOnlyList<VersionAlarm> Alarms)
{
    internal static VersionDrift? Of(string? json) => DriftReport.Read(json) is not { } report ? null : new VersionDrift(
        report.Parent, report.Measures.AngleDegrees, report.Measures.AngleLayer, report.Measures.CanaryKl, report.Measures.CanaryKlFromBase, report.Measures.StoppedBefore, report.Measures.Stopped,
        report.Measures.StopRows, DriftSettings.Of(new DriftPolicy(report.Limits, null)), [.. report.Alarms.Select(alarm => new VersionAlarm(alarm.Alarm, alarm.Value, alarm.Limit, alarm.Subject))]);
}
