namespace ContinualService.Domain.Gates;

/// <summary>The rows of one task that got worse.</summary>
/// <param name="TaskId">Whose rows.</param>
/// <param name="Against">The version they were better under.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Rows">The first of them.</param>
public sealed record GateBreakage(string TaskId, int? Against, int Count, IReadOnlyList<BrokenRow> Rows);
