using ContinualService.Engine.Data;

namespace ContinualService.Api.Datasets;

/// <summary>Valid rows on their way to a task or a data set.</summary>
/// <param name="Name">What to call them.</param>
/// <param name="Format">Wire name of the format they came in.</param>
/// <param name="Examples">The rows.</param>
/// <param name="Lines">1-based line of each row in its file, for errors found later.</param>
/// <param name="DuplicateRows">Rows equal to an earlier one.</param>
/// <param name="DatasetId">The data set that holds exactly these rows already; null where none does.</param>
internal sealed record Rows(
    string Name, string Format, IReadOnlyList<TaskExample> Examples, IReadOnlyList<int> Lines, int DuplicateRows, string? DatasetId);
