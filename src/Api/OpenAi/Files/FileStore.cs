using ContinualService.Api.Requests;
using ContinualService.Api.Tenants;
using ContinualService.Domain;
using ContinualService.Domain.Files;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Storage;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.OpenAi.Files;

/// <summary>A tenant's files: rows that name objects of the store.</summary>
internal sealed class FileStore(ServiceDbContext database, IObjectStore objects, TimeProvider time)
{
    /// <summary>What every file's id begins with.</summary>
    public const string IdPrefix = "file-";

    /// <summary>The tenant's files.</summary>
    public IQueryable<FileRecord> Of(string tenantId) => database.Files.AsNoTracking().Where(row => row.TenantId == tenantId);

    /// <summary>Stores the bytes, then the row that names them: a crash between leaves bytes that the collector finds.</summary>
    public async Task<FileRecord> AddAsync(Caller caller, UploadedFile file, string purpose, CancellationToken cancellationToken)
    {
        using var content = file.Open();
        var stored = await objects.PutIfAbsentAsync(content, cancellationToken);
        var row = new FileRecord
        {
            Id = Ids.New("file", '-'),
            TenantId = caller.TenantId,
            FileName = file.FileName,
            Purpose = purpose,
            SizeBytes = stored.SizeBytes,
            Sha256 = stored.Sha256,
            CreatedAt = time.GetUtcNow(),
        };
        database.Files.Add(row);
        database.Record(caller, "file.create", row.Id, row.CreatedAt);
        await database.SaveChangesAsync(cancellationToken);
        return row;
    }

    /// <exception cref="OpenAiException">404: the tenant has no such file.</exception>
    public async Task<FileRecord> FindAsync(string tenantId, string id, string? param, CancellationToken cancellationToken) =>
        await Of(tenantId).FirstOrDefaultAsync(row => row.Id == id, cancellationToken) ?? throw NotFound(id, param);

    public Task<Stream> OpenAsync(FileRecord file, CancellationToken cancellationToken) => objects.OpenReadAsync(file.Sha256, cancellationToken);

    /// <summary>Deletes the row; the collector deletes the bytes when no other row names them. Jobs made of the file have rows of their own and go on.</summary>
    /// <exception cref="OpenAiException">404: the tenant has no such file.</exception>
    public async Task DeleteAsync(Caller caller, string id, CancellationToken cancellationToken)
    {
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        if (await Of(caller.TenantId).Where(row => row.Id == id).ExecuteDeleteAsync(cancellationToken) == 0) throw NotFound(id, null);
        database.Record(caller, "file.delete", id, time.GetUtcNow());
        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private static OpenAiException NotFound(string id, string? param) =>
        new(StatusCodes.Status404NotFound, $"The file '{id}' does not exist for this key. GET /v1/files lists yours.", param, "not_found");
}
