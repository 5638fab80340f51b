using ContinualService.Domain.Previews;

namespace ContinualService.Api.Previews;

/// <summary>What the policy takes.</summary>
/// <param name="Lambda">Null: none keeps forgetting within the bound and passes the adapter's gate. Of a schedule the mean.</param>
/// <param name="Schedule">The schedule's name; null where it takes one lambda for all layers.</param>
/// <param name="Policy">As it was asked for, with its defaults.</param>
public sealed record ChosenLambda(double? Lambda, string? Schedule, ChosenPolicy Policy)
{
    internal static ChosenLambda Of(MergePolicy policy, IReadOnlyList<MergePoint> curve, double ownLambda) =>
        policy.Choose(curve, ownLambda) is { } point ? new(point.Lambda, point.Merge.Schedule, ChosenPolicy.Of(policy)) : new(null, null, ChosenPolicy.Of(policy));
}
