namespace ContinualService.Worker.Runs;

/// <summary>A lineage, or the end of one, that is made once more; the specification's previous state is what the first part starts from.</summary>
/// <param name="Parts">One after the other, each from what the last one left.</param>
/// <param name="Tolerance">Compare with what is stored, and end with the first part that differs by more; null: compare nothing, leave every part's files to be published.</param>
internal sealed record ReplaySpec(IReadOnlyList<ReplayPart> Parts, double? Tolerance);
