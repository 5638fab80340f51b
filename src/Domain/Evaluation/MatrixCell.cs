namespace ContinualService.Domain.Evaluation;

/// <summary>One measured score a[i, t]: the held-out rows of task i, scored with the adapter as it stood after task t.</summary>
/// <param name="Task">i, 1-based.</param>
/// <param name="Version">t; 0 is the base model.</param>
/// <param name="Score">Higher is better: enter a loss as its negative, or every formula changes its meaning.</param>
/// <param name="Count">Rows scored.</param>
/// <param name="Low">Lower end of the 95 % interval, in the unit of <paramref name="Score"/>.</param>
/// <param name="High">Upper end of the 95 % interval, in the unit of <paramref name="Score"/>.</param>
/// <param name="Metric">Wire name of the metric, such as <c>exact_match</c>.</param>
public sealed record MatrixCell(int Task, int Version, double Score, int Count, double Low, double High, string Metric);
