namespace ContinualService.Infrastructure.Storage;

/// <summary>Immutable bytes under their own SHA-256 (lower-case hex); nothing is ever overwritten.</summary>
public interface IObjectStore
{
    /// <summary>Stores the stream's bytes under their hash; bytes that are there already are not written again.</summary>
    Task<StoredObject> PutIfAbsentAsync(Stream content, CancellationToken cancellationToken);

    /// <summary>Stores bytes whose hash is known; other bytes are refused and nothing is stored.</summary>
    /// <exception cref="ObjectDamagedException">The bytes have another hash.</exception>
    Task<StoredObject> PutAsync(Stream content, string expectedSha256, CancellationToken cancellationToken);

    /// <summary>Opens an object for reading to its end; the stream checks the hash as it is read.</summary>
    /// <exception cref="ObjectDamagedException">At once when the object is missing; at the last byte when the bytes are not those of the hash.</exception>
    Stream OpenRead(string sha256);

    Task<bool> ExistsAsync(string sha256, CancellationToken cancellationToken);

    Task DeleteAsync(string sha256, CancellationToken cancellationToken);

    /// <summary>The file that holds the object on this machine, unverified; null where the store keeps none or the object is missing.</summary>
    string? LocalPath(string sha256);
}
