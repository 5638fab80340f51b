namespace ContinualService.Domain.Drift;

/// <summary>How far a version went from the one it was made from, beside the scores. A null was not measured.</summary>
/// <param name="AngleDegrees">Largest principal angle between the row spaces of A before and now, over all layers.</param>
/// <param name="AngleLayer">The layer that has it.</param>
/// <param name="CanaryKl">Mean of KL(before, now) in nats over the next-token distributions of the canaries' answers.</param>
/// <param name="CanaryKlFromBase">The same from the bare base, which says how far all tasks together went.</param>
/// <param name="StoppedBefore">Share of greedy answers to held-out questions that ended by themselves before.</param>
/// <param name="Stopped">The same now.</param>
/// <param name="StopRows">Questions that were asked for that.</param>
public sealed record DriftMeasures(
    double? AngleDegrees = null, string? AngleLayer = null, double? CanaryKl = null, double? CanaryKlFromBase = null, double? StoppedBefore = null, double? Stopped = null, int StopRows = 0);
