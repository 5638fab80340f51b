namespace ContinualService.Domain.Drift;

/// <summary>A limit that a version went over.</summary>
/// <param name="Alarm">score_drop, loss_rise, angle, canary_kl or stop_drop.</param>
/// <param name="Value">What was measured.</param>
/// <param name="Limit">What was allowed.</param>
/// <param name="Subject">The task whose score fell, or the layer whose A turned; null where it is the whole version.</param>
public sealed record DriftAlarm(string Alarm, double Value, double Limit, string? Subject);
