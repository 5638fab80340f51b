using System.Text.Json;

namespace ContinualService.Domain.Gates;

/// <summary>What a gate decided about a candidate, and on what grounds; stored with the version.</summary>
/// <param name="Verdict">Refused where a limit is broken, else inconclusive where one is undecided, else pass.</param>
/// <param name="Accepted">Whether the candidate became head and live.</param>
/// <param name="Lambda">With which it was merged.</param>
/// <param name="Criteria">Each limit of the policy.</param>
/// <param name="Broken">The rows that got worse, by task.</param>
/// <param name="Tried">Every lambda that was tried, in order; empty where no other than the method's own was to be.</param>
/// <param name="Policy">As it stood when the run began.</param>
public sealed record GateVerdict(
    GateOutcome Verdict, bool Accepted, double Lambda, IReadOnlyList<GateCriterion> Criteria, IReadOnlyList<GateBreakage> Broken, IReadOnlyList<GateTrial> Tried, GatePolicy Policy)
{
    public static GateVerdict? Read(string? json) => json is null ? null : JsonSerializer.Deserialize<GateVerdict>(json, GatePolicy.Json);

    public string Write() => JsonSerializer.Serialize(this, GatePolicy.Json);
}
