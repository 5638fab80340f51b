using ContinualService.Domain.Previews;

namespace ContinualService.Api.Previews;

/// <summary>What the policy takes.</summary>
/// <param name="Lambda">Null: no lambda keeps forgetting within the bound.</param>
/// <param name="Policy">As it was asked for, with its defaults.</param>
public sealed record ChosenLambda(double? Lambda, ChosenPolicy Policy)
{
    internal static ChosenLambda Of(MergePolicy policy, IReadOnlyList<MergePoint> curve, double ownLambda) =>
        new(policy.Choose(curve, ownLambda)?.Lambda, ChosenPolicy.Of(policy));
}
