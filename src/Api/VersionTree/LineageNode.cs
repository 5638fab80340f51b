namespace ContinualService.Api.VersionTree;

/// <summary>A version in the lineage.</summary>
/// <param name="Version">Its number.</param>
/// <param name="Sha256">Digest of its weights.</param>
/// <param name="Origin">trained: its task published it; adopted: it is another merge of its task, taken from a preview; unlearned: made without a task that was taken out; imported.</param>
/// <param name="Parent">The version that its task started from; null: the base model.</param>
/// <param name="TaskId">The task that was learned last; null: imported.</param>
/// <param name="Task">That task's name.</param>
/// <param name="DatasetSha256">Digest of its training rows.</param>
/// <param name="EvaluationSha256">Digest of its held-out rows; null where it has none.</param>
/// <param name="TaskIndex">The method's i: tasks learned on the way to it.</param>
/// <param name="Lambda">The weight that the task got in the merge; of a schedule the mean over the layers.</param>
/// <param name="Schedule">Name of the schedule of weights by layer; null: all layers have the one lambda.</param>
/// <param name="MergePreviewId">The preview that it was adopted from.</param>
/// <param name="Status">As in GET /adapters/{id}/versions.</param>
/// <param name="Aliases">Names that point at it now.</param>
/// <param name="Head">Whether the next task starts from it.</param>
/// <param name="OnPath">Whether it is on the way to the head.</param>
/// <param name="AverageAccuracy">Mean score of the tasks on the way to it; null where one has no held-out rows.</param>
/// <param name="CreatedAt">When it was published.</param>
public sealed record LineageNode(
    int Version, string Sha256, string Origin, int? Parent, string? TaskId, string? Task, string? DatasetSha256, string? EvaluationSha256, int TaskIndex, double Lambda, string? Schedule, string? MergePreviewId,
    string Status, IReadOnlyList<string> Aliases, bool Head, bool OnPath, double? AverageAccuracy, DateTimeOffset CreatedAt)
{
    internal const string Trained = "trained";
    internal const string Adopted = "adopted";
    internal const string Unlearned = "unlearned";
    internal const string Imported = "imported";
}
