using ContinualService.Api.Tasks;

namespace ContinualService.Api.Replays;

/// <summary>A replay: a version's lineage, trained once more from its stored rows and compared. It changes no version.</summary>
/// <param name="Id">Its id.</param>
/// <param name="AdapterId">Whose version.</param>
/// <param name="Version">The version that is replayed.</param>
/// <param name="Status">queued, running, succeeded, failed or cancelled.</param>
/// <param name="Tolerance">A tensor within it differs by at most this share of its largest magnitude.</param>
/// <param name="Progress">How far it is.</param>
/// <param name="StartsFrom">The imported version that the lineage begins with, taken as it is stored; null: it begins with nothing.</param>
/// <param name="Verdict">bit_identical, within_tolerance or diverged: the worst of all versions; null before the end.</param>
/// <param name="Diverged">Where it diverged first, and where the replay therefore ended; null where it did not.</param>
/// <param name="Versions">What was compared so far, oldest first.</param>
/// <param name="Failure">Why it failed; null unless it did.</param>
/// <param name="CreatedAt">When it was asked for.</param>
public sealed record ReplayResponse(
    string Id, string AdapterId, int Version, string Status, double Tolerance, SideProgress Progress, int? StartsFrom, string? Verdict, Divergence? Diverged, IReadOnlyList<ReplayedVersionResponse> Versions,
    TaskFailure? Failure, DateTimeOffset CreatedAt);
