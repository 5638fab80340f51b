using ContinualService.Api.Previews;

namespace ContinualService.Api.Versions;

/// <summary>One task's held-out rows under two versions; higher is better, a loss stands as its negative.</summary>
/// <param name="TaskId">The task.</param>
/// <param name="Name">Its name.</param>
/// <param name="Metric">exact_match, label_likelihood, rouge_l or loss.</param>
/// <param name="First">Null: not measured with the first version.</param>
/// <param name="Second">Null: not measured with the second.</param>
/// <param name="Difference">second - first; null unless both were measured.</param>
/// <param name="Low">Lower end of its 95 % interval.</param>
/// <param name="High">Upper end of it. The two scores are joined as independent, so the interval is rather too wide.</param>
public sealed record DiffTask(string TaskId, string Name, string Metric, CurveScore? First, CurveScore? Second, double? Difference, double? Low, double? High);
