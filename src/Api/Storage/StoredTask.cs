namespace ContinualService.Api.Storage;

/// <summary>What is kept of a task beside its version: the rows that it was sent with, and what the database tells of it.</summary>
/// <param name="TaskId">The task's id.</param>
/// <param name="Name">Its name.</param>
/// <param name="Kind">training, or merge_preview.</param>
/// <param name="Status">As in GET /tasks/{id}.</param>
/// <param name="Parts">Its data sets, and its checkpoint while it is not over.</param>
/// <param name="Rows">Rows of the database.</param>
/// <param name="CumulativeRows">Of all tasks up to this one.</param>
public sealed record StoredTask(string TaskId, string Name, string Kind, string Status, IReadOnlyList<StoredPart> Parts, StoredRows Rows, long CumulativeRows);
