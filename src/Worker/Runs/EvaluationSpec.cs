namespace ContinualService.Worker.Runs;

/// <summary>The held-out rows of one task and how they are scored.</summary>
/// <param name="TaskId">Whose rows.</param>
/// <param name="Rows">Canonical JSONL.</param>
/// <param name="Metric">Wire name.</param>
/// <param name="Labels">The answers to choose from; empty where the metric needs none, or where they are to be taken from <paramref name="TrainRows"/>.</param>
/// <param name="TrainRows">The task's training rows, given only where the labels come from them.</param>
/// <param name="Reference">With whose answers a gate compares the candidate's; null: with nobody's.</param>
/// <param name="MostRows">How many of the rows are scored at most, see <see cref="Engine.Data.HeldOutDraw"/>; null: all.</param>
internal sealed record EvaluationSpec(string TaskId, StoredFile Rows, string Metric, IReadOnlyList<string> Labels, StoredFile? TrainRows, ReferenceSpec? Reference = null, int? MostRows = null);
