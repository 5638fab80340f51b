namespace ContinualService.Api.Adapters;

/// <summary>One measured score: a task's held-out rows with one version. Higher is better; a loss stands as its negative.</summary>
/// <param name="Task">The task's id.</param>
/// <param name="Version">The version's number; 0 is the base model.</param>
/// <param name="Kind">base; before: with an earlier version, before the task was learned: forward transfer is counted from the last of them; learned: with the version that learned it; after: with a later one.</param>
/// <param name="Score">The metric's value.</param>
/// <param name="N">Rows scored.</param>
/// <param name="Low">Lower end of the 95 % interval.</param>
/// <param name="High">Upper end of the 95 % interval.</param>
/// <param name="Metric">exact_match, label_likelihood, rouge_l or loss.</param>
/// <param name="Forgetting">The task's best score with an earlier version minus this one; below 0 it got better. Null before there is an earlier one.</param>
public sealed record MatrixScore(string Task, int Version, string Kind, double Score, int N, double Low, double High, string Metric, double? Forgetting)
{
    internal const string Base = "base";
    internal const string Before = "before";
    internal const string Learned = "learned";
    internal const string After = "after";
}
