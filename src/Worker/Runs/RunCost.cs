namespace ContinualService.Worker.Runs;

/// <summary>What a run took that trained from its first step to its last: estimates of later tasks are made of it.</summary>
/// <param name="Tokens">Real tokens of all steps.</param>
/// <param name="TrainingSeconds">What the steps took.</param>
/// <param name="ScoredRows">Rows scored, once for each set of weights.</param>
/// <param name="ScoringSeconds">What that took.</param>
/// <param name="PeakBytes">The most memory that the process held; null where the system does not say.</param>
internal sealed record RunCost(long Tokens, double TrainingSeconds, int ScoredRows, double ScoringSeconds, long? PeakBytes);
