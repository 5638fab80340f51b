using ContinualService.Domain;
using ContinualService.Domain.Datasets;
using ContinualService.Engine.Data;
using ContinualService.Infrastructure.Storage;

namespace ContinualService.Api.Datasets;

/// <summary>Stores rows under their digest and makes the row that names them.</summary>
internal sealed class DatasetStore(IObjectStore objects, TimeProvider time)
{
    /// <summary>Writes the bytes and returns the entity; the caller saves it. Bytes without a row do no harm: they are found again by their digest.</summary>
    public async Task<Dataset> PutAsync(
        string tenantId, string name, string format, IReadOnlyList<TaskExample> examples, int duplicateRows, CancellationToken cancellationToken)
    {
        using var content = new MemoryStream(CanonicalRows.Serialize(examples));
        var stored = await objects.PutIfAbsentAsync(content, cancellationToken);
        return new Dataset
        {
            Id = Ids.New("ds"),
            TenantId = tenantId,
            Name = name,
            Format = format,
            RowCount = examples.Count,
            DuplicateRows = duplicateRows,
            SizeBytes = stored.SizeBytes,
            Sha256 = stored.Sha256,
            CreatedAt = time.GetUtcNow(),
        };
    }
}
