namespace ContinualService.Engine.Data;

/// <summary>What is wrong with one row, and what its owner can do about it.</summary>
/// <param name="Line">1-based line of the file (for inline rows: 1-based index); 0 where the file as a whole is meant.</param>
/// <param name="Field">Path of the field, such as <c>messages[2].role</c>; null where the row as a whole is meant.</param>
/// <param name="Reason">What is wrong.</param>
/// <param name="Mend">What to do.</param>
public sealed record RowError(int Line, string? Field, string Reason, string Mend);
