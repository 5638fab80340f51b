using ContinualService.Domain.Adapters;

namespace ContinualService.Domain.Previews;

/// <summary>A task's held-out rows under one lambda; in the metric's own direction, as a cell of the matrix is stored.</summary>
public sealed record PreviewScore(string TaskId, double Score, int Count, double Low, double High, string Metric)
{
    public static PreviewScore Of(AdapterMatrixCell cell) => new(cell.TaskId, cell.Score, cell.Count, cell.Low, cell.High, cell.Metric);

    /// <summary>The cell that a version with this lambda has.</summary>
    public AdapterMatrixCell CellOf(string adapterId, int versionNumber) =>
        new() { AdapterId = adapterId, VersionNumber = versionNumber, TaskId = TaskId, Score = Score, Count = Count, Low = Low, High = High, Metric = Metric };
}
