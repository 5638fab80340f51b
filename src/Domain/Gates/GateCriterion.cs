namespace ContinualService.Domain.Gates;

/// <summary>One limit, and what was found of it.</summary>
/// <param name="Criterion">What is limited.</param>
/// <param name="TaskId">Of which task; null for the mean.</param>
/// <param name="Against">The version that the rows were compared with, 0 for the base; null for the mean, or where there are no rows.</param>
/// <param name="Limit">The policy's.</param>
/// <param name="Estimate">What was measured; null without rows.</param>
/// <param name="Low">Lower end of its interval.</param>
/// <param name="High">Upper end of it.</param>
/// <param name="Count">Rows.</param>
/// <param name="Verdict">Of this limit alone.</param>
/// <param name="Reason">Why it is no pass, in words; null where it is one.</param>
public sealed record GateCriterion(
    GateLimit Criterion, string? TaskId, int? Against, double Limit, double? Estimate, double? Low, double? High, int Count, GateOutcome Verdict, string? Reason);
