namespace ContinualService.Api.Storage;

/// <summary>Rows of the database that a task wrote.</summary>
/// <param name="Runs">Attempts.</param>
/// <param name="Events">Of GET /tasks/{id}/events.</param>
/// <param name="Steps">Of GET /tasks/{id}/metrics.</param>
/// <param name="Cells">Scores in the matrix: every task learned so far, and the new one with the base and the version before.</param>
/// <param name="Versions">Versions that it published, or that were adopted from it.</param>
/// <param name="Total">These and the task's own row.</param>
public sealed record StoredRows(int Runs, int Events, int Steps, int Cells, int Versions, int Total);
