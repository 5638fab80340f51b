namespace ContinualService.Worker.Runs;

/// <summary>One score: a task's held-out rows under one set of weights.</summary>
internal sealed record RunScore(string TaskId, ScoredWeights Weights, double Score, int Count, double Low, double High, string Metric);
