namespace ContinualService.Engine.Data;

/// <summary>A task file, read whole: its good rows, and everything that is wrong with the others.</summary>
/// <param name="Format">The format detected; null where no row shows one.</param>
/// <param name="Examples">The rows without an error, in file order.</param>
/// <param name="Lines">1-based line of each example, for errors found later (such as one over the context length).</param>
/// <param name="RowCount">Rows seen, good and bad.</param>
/// <param name="Errors">The first <see cref="TaskFileParser.MaxErrors"/> errors, in file order.</param>
/// <param name="ErrorCount">All errors, also those not kept.</param>
/// <param name="DuplicateCount">Good rows equal to an earlier one; reported, not an error.</param>
/// <param name="DuplicateLines">Lines of the first of those duplicates.</param>
/// <param name="EmptyTargetCount">Rows refused because there is no answer to train on (each is an error as well).</param>
public sealed record ParsedTaskFile(
    RowFormat? Format,
    IReadOnlyList<TaskExample> Examples,
    IReadOnlyList<int> Lines,
    int RowCount,
    IReadOnlyList<RowError> Errors,
    int ErrorCount,
    int DuplicateCount,
    IReadOnlyList<int> DuplicateLines,
    int EmptyTargetCount)
{
    /// <summary>Whether every row is good and there is at least one.</summary>
    public bool IsValid => ErrorCount == 0;
}
