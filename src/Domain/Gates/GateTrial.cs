namespace ContinualService.Domain.Gates;

/// <summary>One lambda that was merged with and judged.</summary>
public sealed record GateTrial(double Lambda, GateOutcome Verdict, bool Accepted, IReadOnlyList<GateCriterion> Criteria);
