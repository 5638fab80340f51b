namespace ContinualService.Domain.Gates;

/// <summary>A held-out row that the candidate answers worse.</summary>
/// <param name="Row">1, 2, ... in the task's held-out rows.</param>
/// <param name="Before">Its score under the version compared with.</param>
/// <param name="Now">Its score under the candidate.</param>
/// <param name="AnswerBefore">What that version answered, cut where it is long; null where the metric asks for no answer.</param>
/// <param name="AnswerNow">What the candidate answered.</param>
public sealed record BrokenRow(int Row, double Before, double Now, string? AnswerBefore, string? AnswerNow);
