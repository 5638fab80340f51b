namespace ContinualService.Api.Tasks;

/// <summary>How far a replay or an unlearning is.</summary>
/// <param name="Percent">0 to 100.</param>
/// <param name="Phase">What it is doing with the present task: preparing, training, merging, evaluating or publishing; null before and after.</param>
/// <param name="SecondsRemaining">Estimate from the measured rate; null until there is one.</param>
public sealed record SideProgress(double Percent, string? Phase, double? SecondsRemaining);
