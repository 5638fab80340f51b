namespace ContinualService.Engine.Inference;

/// <summary>One token with its log-probability in nats under the model itself (before temperature, penalties and bias).</summary>
/// <param name="Id">The token.</param>
/// <param name="LogProbability">log p(token | everything before it); NaN for the first token of a prompt, which nothing precedes.</param>
/// <param name="Top">The most likely tokens at this position, best first; empty when none were asked for.</param>
public sealed record ScoredToken(int Id, double LogProbability, IReadOnlyList<(int Id, double LogProbability)> Top);
