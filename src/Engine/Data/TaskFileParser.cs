using System.Text.Json.Nodes;

namespace ContinualService.Engine.Data;

/// <summary>Reads a task file (JSONL, or CSV with a header for the flat formats) whole and says everything that is wrong with it.</summary>
public static class TaskFileParser
{
    /// <summary>Errors kept; further ones are only counted.</summary>
    public const int MaxErrors = 100;

    /// <summary>Parses a file's bytes. <paramref name="fileName"/> only helps to tell CSV from JSONL; it may be empty.</summary>
    public static ParsedTaskFile Parse(ReadOnlyMemory<byte> content, string fileName, TaskFileLimits? limits = null) => throw new NotImplementedException();

    /// <summary>Parses a stream to its end, or until it is over the byte limit.</summary>
    public static ParsedTaskFile Parse(Stream stream, string fileName, TaskFileLimits? limits = null) => throw new NotImplementedException();

    /// <summary>Parses rows given inline; an error's line is the row's 1-based index.</summary>
    public static ParsedTaskFile ParseInline(JsonArray rows, TaskFileLimits? limits = null) => throw new NotImplementedException();
}
