using ContinualService.Domain.Datasets;

namespace ContinualService.Api.Datasets;

/// <summary>A validated, immutable data set.</summary>
public sealed class DatasetResponse
{
    public required string Id { get; init; }
    public required string Name { get; init; }

    /// <summary>The row format that was detected.</summary>
    public required string Format { get; init; }
    public required int RowCount { get; init; }

    /// <summary>Rows equal to an earlier one.</summary>
    public required int DuplicateRows { get; init; }
    public required long SizeBytes { get; init; }

    /// <summary>SHA-256 of the rows in canonical form: the same rows give the same digest whatever their spacing.</summary>
    public required string Sha256 { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }

    internal static DatasetResponse Of(Dataset dataset) => new()
    {
        Id = dataset.Id,
        Name = dataset.Name,
        Format = dataset.Format,
        RowCount = dataset.RowCount,
        DuplicateRows = dataset.DuplicateRows,
        SizeBytes = dataset.SizeBytes,
        Sha256 = dataset.Sha256,
        CreatedAt = dataset.CreatedAt,
    };
}
