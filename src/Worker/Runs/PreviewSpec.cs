namespace ContinualService.Worker.Runs;

/// <summary>What a preview measures; the run trains nothing.</summary>
/// <param name="TaskId">The task whose merge is varied: the last of the lineage.</param>
/// <param name="State">Of the version it made; the specification's previous state is the one that the task started from.</param>
/// <param name="Merge">Text of the <see cref="Domain.Previews.MergeSchedule"/> with which that version was merged.</param>
/// <param name="Merges">What is left to measure, as texts.</param>
/// <param name="Measured">How many were measured by earlier attempts, or when other versions were published.</param>
internal sealed record PreviewSpec(string TaskId, StoredFile State, string Merge, IReadOnlyList<string> Merges, int Measured);
