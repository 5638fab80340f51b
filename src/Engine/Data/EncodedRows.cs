namespace ContinualService.Engine.Data;

/// <summary>The rows of a task as token ids, and those that could not be encoded.</summary>
/// <param name="Rows">The encoded rows, in order, without the faulty ones.</param>
/// <param name="Errors">The first <see cref="TaskFileParser.MaxErrors"/> errors.</param>
/// <param name="ErrorCount">All errors.</param>
/// <param name="TooLongCount">Those of them that were over the sequence length.</param>
/// <param name="LongestRow">Tokens of the longest row, good or too long.</param>
public sealed record EncodedRows(
    IReadOnlyList<EncodedExample> Rows, IReadOnlyList<RowError> Errors, int ErrorCount, int TooLongCount, int LongestRow);
