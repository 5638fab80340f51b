namespace ContinualService.Api.Previews;

/// <summary>How far a preview is.</summary>
/// <param name="Percent">0 to 100.</param>
/// <param name="Measured">Lambdas and schedules that are measured.</param>
/// <param name="SecondsRemaining">Estimate from the measured rate; null until there is one.</param>
public sealed record PreviewProgress(double Percent, int Measured, double? SecondsRemaining);
