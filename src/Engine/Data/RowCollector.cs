using System.Globalization;

namespace ContinualService.Engine.Data;

/// <summary>Gathers the rows and errors of one task file while it is read.</summary>
internal sealed class RowCollector(TaskFileLimits limits)
{
    private const int DuplicateLinesKept = 10;

    private readonly List<TaskExample> _examples = [];
    private readonly List<int> _lines = [];
    private readonly List<RowError> _errors = [];
    private readonly List<int> _duplicateLines = [];
    private readonly HashSet<TaskExample> _distinct = [];
    private int _formatLine;
    private int _rowCount;
    private int _duplicateCount;
    private int _emptyTargetCount;

    public RowFormat? Format { get; private set; }

    public int ErrorCount { get; private set; }

    public void Error(int line, string? field, string reason, string mend)
    {
        ErrorCount++;
        if (_errors.Count < TaskFileParser.MaxErrors) _errors.Add(new RowError(line, field, reason, mend));
    }

    public void EmptyTarget(int line, string field)
    {
        _emptyTargetCount++;
        Error(line, field, $"The answer in \"{field}\" is empty, so there is nothing to train on.", "Give the row an answer, or take the row out.");
    }

    /// <summary>Counts a row; false where it is over the limit and need not be read.</summary>
    public bool StartRow(int line)
    {
        _rowCount++;
        if (limits.MaxRows == 0 || _rowCount <= limits.MaxRows) return true;
        if (_rowCount == limits.MaxRows + 1)
        {
            Error(line, null, $"The file holds more than {Number(limits.MaxRows)} rows, the most a task may have.", "Split it into several tasks.");
        }

        return false;
    }

    /// <summary>Whether a row of this format may stand in this file; the first one decides for all.</summary>
    public bool AcceptFormat(int line, RowFormat format)
    {
        if (Format is null)
        {
            Format = format;
            _formatLine = line;
        }

        if (Format == format) return true;
        Error(
            line, null,
            $"Mixed formats: this row is \"{format.WireName()}\", but line {Number(_formatLine)} made the file \"{Format.Value.WireName()}\".",
            $"Keep one format per file: rewrite the row with the fields {Quote(Format.Value.AllowedFields())}, or put it in a file of its own.");
        return false;
    }

    public void Add(int line, TaskExample example)
    {
        _examples.Add(example);
        _lines.Add(line);
        if (_distinct.Add(example)) return;
        _duplicateCount++;
        if (_duplicateLines.Count < DuplicateLinesKept) _duplicateLines.Add(line);
    }

    public ParsedTaskFile Finish()
    {
        if (_rowCount == 0 && ErrorCount == 0)
        {
            Error(0, null, "There are no rows.", $"Give at least one row, one JSON object a line: {RowFormatNames.AllFormats}.");
        }

        return new ParsedTaskFile(
            Format, _examples, _lines, _rowCount, _errors, ErrorCount, _duplicateCount, _duplicateLines, _emptyTargetCount);
    }

    public static string Quote(IEnumerable<string> names) => string.Join(", ", names.Select(name => $"\"{name}\""));

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
