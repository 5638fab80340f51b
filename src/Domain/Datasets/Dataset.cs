namespace ContinualService.Domain.Datasets;

/// <summary>Validated rows, immutable; the canonical JSONL lies in the object store under its hash.</summary>
public sealed class Dataset
{
    public required string Id { get; init; }

    public required string TenantId { get; init; }

    public required string Name { get; set; }

    /// <summary>The row form the upload had, by its wire name (messages, prompt_completion, ...).</summary>
    public required string Format { get; init; }

    public int RowCount { get; init; }

    public int DuplicateRows { get; init; }

    public long SizeBytes { get; init; }

    /// <summary>SHA-256 of the canonical JSONL, lower-case hex: also its key in the object store.</summary>
    public required string Sha256 { get; init; }

    public DateTimeOffset CreatedAt { get; init; }
}
