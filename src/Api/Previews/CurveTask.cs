namespace ContinualService.Api.Previews;

/// <summary>One task under one lambda.</summary>
/// <param name="TaskId">Whose held-out rows.</param>
/// <param name="Metric">exact_match, label_likelihood, rouge_l or loss.</param>
/// <param name="Score">What they score.</param>
/// <param name="Forgetting">The task's best score before minus this one; null for the newest task.</param>
public sealed record CurveTask(string TaskId, string Metric, CurveScore Score, double? Forgetting);
