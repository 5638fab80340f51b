using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ContinualService.Engine.Data;

/// <summary>
/// Reads a task file (JSONL, or CSV with a header for the flat formats) whole and says everything that is wrong with it. UTF-8 with or
/// without a byte-order mark, any line ends, blank lines skipped. Strict: an unknown field is an error, because a misspelt one would
/// otherwise be left out of training without a word.
/// </summary>
public static class TaskFileParser
{
    /// <summary>Errors kept; further ones are only counted.</summary>
    public const int MaxErrors = 100;

    /// <summary>Parses a file's bytes. <paramref name="fileName"/> only helps to tell CSV from JSONL; it may be empty.</summary>
    public static ParsedTaskFile Parse(ReadOnlyMemory<byte> content, string fileName, TaskFileLimits? limits = null)
    {
        limits ??= new TaskFileLimits();
        var collector = new RowCollector(limits);
        if (limits.MaxBytes > 0 && content.Length > limits.MaxBytes)
        {
            var most = limits.MaxBytes.ToString(CultureInfo.InvariantCulture);
            collector.Error(0, null, $"The file is larger than {most} bytes, the most a task file may have.", "Split it into several tasks.");
            return collector.Finish();
        }

        if (FileEncoding.Foreign(content.Span) is { } encoding)
        {
            collector.Error(1, null, $"The file is encoded as {encoding}; UTF-8 is needed.", "Save or convert it as UTF-8 and send it again.");
            return collector.Finish();
        }

        content = content[FileEncoding.ByteOrderMarkLength(content.Span)..];
        if (CsvRows.LooksLikeCsv(content.Span, fileName)) CsvRows.Read(content.Span, collector);
        else ReadLines(content, collector);
        return collector.Finish();
    }

    /// <summary>Parses a stream to its end, or until it is over the byte limit.</summary>
    public static ParsedTaskFile Parse(Stream stream, string fileName, TaskFileLimits? limits = null)
    {
        limits ??= new TaskFileLimits();
        var most = limits.MaxBytes == 0 ? long.MaxValue : limits.MaxBytes;
        using var content = new MemoryStream();
        var chunk = new byte[81920];
        // One byte over the limit is enough to know; the rest of an oversized body is not read.
        while (content.Length <= most && stream.Read(chunk) is var count && count > 0) content.Write(chunk, 0, count);
        return Parse(content.GetBuffer().AsMemory(0, (int)content.Length), fileName, limits);
    }

    /// <summary>Parses rows given inline; an error's line is the row's 1-based index.</summary>
    public static ParsedTaskFile ParseInline(JsonArray rows, TaskFileLimits? limits = null)
    {
        var collector = new RowCollector(limits ?? new TaskFileLimits());
        for (var index = 0; index < rows.Count; index++)
        {
            if (collector.StartRow(index + 1)) ReadRow(JsonSerializer.SerializeToUtf8Bytes(rows[index]), index + 1, collector);
        }

        return collector.Finish();
    }

    private static void ReadLines(ReadOnlyMemory<byte> content, RowCollector collector)
    {
        var line = 0;
        while (!content.IsEmpty)
        {
            line++;
            var end = content.Span.IndexOf((byte)'\n');
            var row = end < 0 ? content : content[..end];
            content = end < 0 ? default : content[(end + 1)..];
            if (row.Span.Trim(" \t\r"u8).IsEmpty || !collector.StartRow(line)) continue;
            if (FileEncoding.CheckLine(row.Span, line, collector)) ReadRow(row, line, collector);
        }
    }

    private static void ReadRow(ReadOnlyMemory<byte> json, int line, RowCollector collector)
    {
        try
        {
            using var row = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            JsonRows.Read(row.RootElement, line, collector);
        }
        catch (JsonException malformed)
        {
            // The parser's own words, without the position it counts in bytes from 0.
            var reason = malformed.Message.Split(" LineNumber:", 2)[0].Split(" Path:", 2)[0];
            var column = FileEncoding.Column(json.Span, malformed.BytePositionInLine ?? 0);
            collector.Error(line, null, $"Malformed JSON at column {column}: {reason}", "Write each row as one JSON object on one line, with double quotes.");
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair, as in "\ud83d": legal as JSON syntax, but no text.
            collector.Error(line, null, "A \\u escape gives half a character (an unpaired surrogate).", "Escape both halves, or write the character itself.");
        }
    }
}
