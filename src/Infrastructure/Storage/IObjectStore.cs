namespace ContinualService.Infrastructure.Storage;

/// <summary>
/// Immutable bytes under their own SHA-256 (lower-case hex). Every method may throw <see cref="ObjectStoreUnavailableException"/> when the store
/// is another machine: the caller may try again later.
/// </summary>
public interface IObjectStore
{
    /// <summary>
    /// Stores the stream's bytes under their hash. Bytes that are there already are not replaced, unless their number shows that they are damaged.
    /// Either way <see cref="StoredObjectInfo.LastModified"/> is then less than an hour old, so that whoever deletes what nobody names, and spares
    /// the young, spares this object until its name is written down.
    /// </summary>
    Task<StoredObject> PutIfAbsentAsync(Stream content, CancellationToken cancellationToken);

    /// <summary>Stores bytes whose hash is known; other bytes are refused and nothing is stored.</summary>
    /// <exception cref="ObjectDamagedException">The bytes have another hash.</exception>
    Task<StoredObject> PutAsync(Stream content, string expectedSha256, CancellationToken cancellationToken);

    /// <summary>Opens an object for reading to its end, asynchronously; the stream checks the hash as it is read.</summary>
    /// <exception cref="ObjectDamagedException">At once when the object is missing; at the last byte when the bytes are not those of the hash.</exception>
    Task<Stream> OpenReadAsync(string sha256, CancellationToken cancellationToken);

    /// <summary>Length and age of an object, unverified; null when there is none.</summary>
    Task<StoredObjectInfo?> StatAsync(string sha256, CancellationToken cancellationToken);

    /// <summary>Every object, in no particular order. What is put or deleted meanwhile may or may not be among them.</summary>
    IAsyncEnumerable<StoredObjectInfo> ListAsync(CancellationToken cancellationToken);

    /// <summary>Deletes an object; one that is not there is no error.</summary>
    Task DeleteAsync(string sha256, CancellationToken cancellationToken);

    /// <summary>The file that holds the object on this machine, unverified; null where the store keeps none or the object is missing.</summary>
    string? LocalPath(string sha256);

    /// <summary>Makes the bucket where it is missing; a store without buckets has nothing to do.</summary>
    Task EnsureBucketAsync(CancellationToken cancellationToken);

    /// <summary>Returns when the store answers and would take a write; cheap enough for a health check.</summary>
    /// <exception cref="IOException">It would not; the message says why.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder of the store may not be written.</exception>
    Task CheckAsync(CancellationToken cancellationToken);
}
