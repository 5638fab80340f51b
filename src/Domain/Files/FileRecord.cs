namespace ContinualService.Domain.Files;

/// <summary>A file as a tenant sent it, byte for byte; immutable, and gone with its row.</summary>
public sealed class FileRecord
{
    public required string Id { get; init; }

    public required string TenantId { get; init; }

    /// <summary>Without folders, as the client called it.</summary>
    public required string FileName { get; init; }

    /// <summary>What the client wants with it, in the words of the OpenAI interface: fine-tune.</summary>
    public required string Purpose { get; init; }

    public long SizeBytes { get; init; }

    /// <summary>SHA-256 of the bytes, lower-case hex: also their key in the object store.</summary>
    public required string Sha256 { get; init; }

    public DateTimeOffset CreatedAt { get; init; }
}
