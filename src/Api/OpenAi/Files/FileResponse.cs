using System.Text.Json.Serialization;
using ContinualService.Domain.Files;

namespace ContinualService.Api.OpenAi.Files;

/// <summary>A file as the OpenAI interface shows it.</summary>
public sealed class FileResponse
{
    /// <summary>file-...</summary>
    [JsonPropertyName("id")]
    public required string Id { get; init; }

    /// <summary>Always file.</summary>
    [JsonPropertyName("object")]
    public string Object => "file";

    [JsonPropertyName("bytes")]
    public required long Bytes { get; init; }

    /// <summary>Unix seconds.</summary>
    [JsonPropertyName("created_at")]
    public required long CreatedAt { get; init; }

    [JsonPropertyName("filename")]
    public required string FileName { get; init; }

    /// <summary>fine-tune.</summary>
    [JsonPropertyName("purpose")]
    public required string Purpose { get; init; }

    /// <summary>Always processed: the rows are read, and every fault is told with its line, when a job is made of them.</summary>
    [JsonPropertyName("status")]
    public string Status => "processed";

    internal static FileResponse Of(FileRecord row) => new()
    {
        Id = row.Id,
        Bytes = row.SizeBytes,
        CreatedAt = row.CreatedAt.ToUnixTimeSeconds(),
        FileName = row.FileName,
        Purpose = row.Purpose,
    };
}
