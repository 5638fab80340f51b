using System.Text;

namespace ContinualService.Engine.Data;

/// <summary>Reads a CSV file (RFC 4180: commas, double quotes, fields over several lines) whose header names the fields of a flat format.</summary>
internal static class CsvRows
{
    // "references" is a list, which a cell cannot hold.
    private static readonly string[] KnownColumns = ["prompt", "completion", "answer", "instruction", "input", "output", "system", "text"];

    /// <summary>By content first (an object starts with a brace), then by extension, then by a header made of known names.</summary>
    public static bool LooksLikeCsv(ReadOnlySpan<byte> content, string fileName)
    {
        var start = content.TrimStart(" \t\r\n"u8);
        if (start.IsEmpty || start[0] is (byte)'{' or (byte)'[') return false;
        if (fileName.EndsWith(".csv", StringComparison.OrdinalIgnoreCase)) return true;
        var end = start.IndexOfAny((byte)'\n', (byte)'\r');
        var header = Encoding.UTF8.GetString(end < 0 ? start : start[..end]);
        return header.Split(',').All(name => KnownColumns.Contains(name.Trim().Trim('"')));
    }

    public static void Read(ReadOnlySpan<byte> content, RowCollector collector)
    {
        if (!CheckText(content, collector)) return;
        var reader = new CsvReader(Encoding.UTF8.GetString(content));
        if (reader.Next() is not { } header) return;
        var columns = header.Fields.Select(name => name.Trim()).ToList();
        if (CheckHeader(header, columns, collector) is not { } format) return;
        while (reader.Next() is { } record)
        {
            if (!collector.StartRow(record.Line)) continue;
            if (record.Fault is not null)
                collector.Error(record.Line, null, record.Fault, "Put fields with commas, quotes or line breaks in double quotes, and double each quote inside.");
            else if (record.Fields.Count != columns.Count)
                collector.Error(record.Line, null, $"The row has {record.Fields.Count} fields, the header {columns.Count}.", "Give every row one field per column; quote fields that hold commas.");
            else
                AddRow(record, columns, format, collector);
        }
    }

    private static void AddRow(CsvRecord record, List<string> columns, RowFormat format, RowCollector collector)
    {
        var values = columns.Zip(record.Fields).ToDictionary(pair => pair.First, pair => pair.Second);
        var errorsBefore = collector.ErrorCount;
        var example = FlatRows.Build(values, [], format, record.Line, collector);
        if (example is not null && collector.ErrorCount == errorsBefore) collector.Add(record.Line, example);
    }

    private static RowFormat? CheckHeader(CsvRecord header, List<string> columns, RowCollector collector)
    {
        var errorsBefore = collector.ErrorCount;
        const string needed = "The first line names the columns: prompt,completion or prompt,answer or instruction,input,output or text, separated by commas.";
        if (header.Fault is not null) collector.Error(header.Line, null, header.Fault, needed);
        foreach (var name in columns.Where(name => !KnownColumns.Contains(name)).Distinct())
            collector.Error(header.Line, name, $"\"{name}\" is not a known column.", needed);
        foreach (var twice in columns.GroupBy(name => name).Where(group => group.Count() > 1))
            collector.Error(header.Line, twice.Key, $"The column \"{twice.Key}\" is there twice.", "Keep one of them.");
        if (collector.ErrorCount > errorsBefore) return null;

        // Known columns always show a format, unless "input" or "system" stand alone.
        var format = RowFormatNames.Detect(columns, null) ?? RowFormat.Instruction;
        foreach (var name in columns.Except(format.AllowedFields())) JsonRows.Unknown(name, format.AllowedFields(), header.Line, collector);
        foreach (var name in format.RequiredFields().Except(columns)) JsonRows.Missing(name, header.Line, collector);
        if (collector.ErrorCount > errorsBefore) return null;
        collector.AcceptFormat(header.Line, format);
        return format;
    }

    private static bool CheckText(ReadOnlySpan<byte> content, RowCollector collector)
    {
        var errorsBefore = collector.ErrorCount;
        var line = 0;
        foreach (var range in content.Split((byte)'\n')) FileEncoding.CheckLine(content[range], ++line, collector);
        return collector.ErrorCount == errorsBefore;
    }
}
