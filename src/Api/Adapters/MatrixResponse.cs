using ContinualService.Domain.Evaluation;

namespace ContinualService.Api.Adapters;

/// <summary>The accuracy matrix a[i, t] of an adapter: rows are tasks, columns versions; version 0 is the base model.</summary>
/// <param name="Tasks">The tasks in the order they were learned.</param>
/// <param name="Versions">0 for the base, then the versions on the way to the head.</param>
/// <param name="Cells">Measured scores.</param>
/// <param name="Summary">Headline numbers; null where undefined.</param>
/// <param name="Formulas">What each number of the summary, of a cell and of a task means.</param>
public sealed record MatrixResponse(
    IReadOnlyList<MatrixTask> Tasks,
    IReadOnlyList<int> Versions,
    IReadOnlyList<MatrixScore> Cells,
    MatrixSummary Summary,
    IReadOnlyDictionary<string, string> Formulas);
