using ContinualService.Api.Tasks;
using ContinualService.Domain.Previews;

namespace ContinualService.Api.Previews;

/// <summary>A merge preview.</summary>
/// <param name="Id">Its id.</param>
/// <param name="AdapterId">Whose merge.</param>
/// <param name="Version">The version whose last merge is varied: the head when the preview was asked for.</param>
/// <param name="TaskId">The task that was merged last.</param>
/// <param name="Status">queued, running, succeeded, failed or cancelled.</param>
/// <param name="Lambdas">Ascending; <paramref name="OwnLambda"/> is among them.</param>
/// <param name="Schedules">Names of the schedules of lambdas by layer.</param>
/// <param name="OwnLambda">What the method itself gives this task.</param>
/// <param name="Progress">How far it is.</param>
/// <param name="Curve">A point for each lambda and, after them, each schedule; null before all are measured.</param>
/// <param name="Chosen">What the policy takes; null before all are measured.</param>
/// <param name="AdoptedVersions">Versions that were made of it.</param>
/// <param name="Failure">Why it failed; null unless it did.</param>
/// <param name="CreatedAt">When it was asked for.</param>
public sealed record PreviewResponse(
    string Id, string AdapterId, int Version, string TaskId, string Status, IReadOnlyList<double> Lambdas, IReadOnlyList<string> Schedules, double OwnLambda, PreviewProgress Progress, IReadOnlyList<CurvePoint>? Curve,
    ChosenLambda? Chosen, IReadOnlyList<int> AdoptedVersions, TaskFailure? Failure, DateTimeOffset CreatedAt)
{
    /// <summary>What was measured, for a message.</summary>
    internal static string Names(IEnumerable<PreviewPoint> points) => string.Join("; ", points.Select(point => point.Merge().Text));
}
