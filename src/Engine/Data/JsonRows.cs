using System.Text.Json;

namespace ContinualService.Engine.Data;

/// <summary>Reads one JSON row of any format.</summary>
internal static class JsonRows
{
    /// <summary>Adds the row, or its errors, to the collector.</summary>
    public static void Read(JsonElement row, int line, RowCollector collector)
    {
        if (row.ValueKind != JsonValueKind.Object)
        {
            collector.Error(line, null, $"The row is {KindName(row)}, not a JSON object.", $"Write one object a line: {RowFormatNames.AllFormats}.");
            return;
        }

        var names = row.EnumerateObject().Select(property => property.Name).ToList();
        if (RowFormatNames.Detect(names, collector.Format) is not { } format)
        {
            var held = names.Count == 0 ? "The row is empty" : $"The row's fields ({RowCollector.Quote(names.Take(8))}) are those of no known format";
            collector.Error(line, null, held + ".", $"Use one of {RowFormatNames.AllFormats}.");
            return;
        }

        if (!collector.AcceptFormat(line, format)) return;
        var errorsBefore = collector.ErrorCount;
        ReportFields(names, format, line, collector);
        var example = format switch
        {
            RowFormat.Messages => MessageRows.Read(row, "messages", MessageRows.OpenAi, line, collector),
            RowFormat.Conversations => MessageRows.Read(row, "conversations", MessageRows.ShareGpt, line, collector),
            _ => ReadFlat(row, format, line, collector),
        };
        if (example is not null && collector.ErrorCount == errorsBefore) collector.Add(line, example);
    }

    /// <summary>The string in a field; null where it is absent (or JSON null), or, with an error collected, of another type.</summary>
    public static string? Text(JsonElement owner, string name, string path, int line, RowCollector collector)
    {
        if (!owner.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null) return null;
        if (value.ValueKind == JsonValueKind.String) return value.GetString();
        WrongType(value, path, "a string", line, collector);
        return null;
    }

    public static void WrongType(JsonElement value, string path, string wanted, int line, RowCollector collector) =>
        collector.Error(line, path, $"\"{path}\" is {KindName(value)}, not {wanted}.", $"Write {wanted} there.");

    public static void Unknown(string path, IEnumerable<string> allowed, int line, RowCollector collector) =>
        collector.Error(line, path, $"\"{path}\" is not a known field.", $"Take it out, or use one of {RowCollector.Quote(allowed)}.");

    public static void Missing(string path, int line, RowCollector collector) =>
        collector.Error(line, path, $"\"{path}\" is missing.", "Add it to the row.");

    private static void ReportFields(List<string> names, RowFormat format, int line, RowCollector collector)
    {
        var allowed = format.AllowedFields();
        foreach (var name in names.Where(name => !allowed.Contains(name))) Unknown(name, allowed, line, collector);
        foreach (var name in format.RequiredFields().Where(name => !names.Contains(name))) Missing(name, line, collector);
    }

    private static TaskExample? ReadFlat(JsonElement row, RowFormat format, int line, RowCollector collector)
    {
        var values = new Dictionary<string, string>();
        foreach (var name in format.AllowedFields().Where(name => name != "references"))
        {
            if (Text(row, name, name, line, collector) is { } value) values[name] = value;
            else if (format.RequiredFields().Contains(name) && row.TryGetProperty(name, out var held) && held.ValueKind == JsonValueKind.Null)
                WrongType(held, name, "a string", line, collector);
        }

        var references = format == RowFormat.Instruction ? References(row, line, collector) : [];
        return FlatRows.Build(values, references, format, line, collector);
    }

    private static List<string> References(JsonElement row, int line, RowCollector collector)
    {
        if (!row.TryGetProperty("references", out var held) || held.ValueKind == JsonValueKind.Null) return [];
        if (held.ValueKind != JsonValueKind.Array)
        {
            WrongType(held, "references", "an array of strings", line, collector);
            return [];
        }

        var references = new List<string>();
        foreach (var (index, value) in held.EnumerateArray().Index())
        {
            if (value.ValueKind == JsonValueKind.String) references.Add(value.GetString()!);
            else WrongType(value, $"references[{index}]", "a string", line, collector);
        }

        return references;
    }

    private static string KindName(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.True or JsonValueKind.False => "true or false",
        _ => "null",
    };
}
