using System.Security.Cryptography;

namespace ContinualService.Infrastructure.Storage;

/// <summary>
/// Objects as files <c>ab/abcdef…</c> below one folder. A file appears under its name only when complete and on the disk: it is written under
/// a temporary name, synced, then renamed. What a crash leaves under temporary names is deleted at the next start.
/// </summary>
public sealed class DiskObjectStore : IObjectStore
{
    private const string TemporarySuffix = ".tmp";
    private static readonly TimeSpan AbandonedAfter = TimeSpan.FromHours(1);
    private readonly string _root;
    private readonly string _incoming;

    /// <param name="root">Made when absent.</param>
    /// <param name="time">Tells which temporary files are abandoned; null: the system's clock.</param>
    public DiskObjectStore(string root, TimeProvider? time = null)
    {
        _root = Path.GetFullPath(root);
        _incoming = Path.Combine(_root, "incoming");
        Directory.CreateDirectory(_incoming);
        // Young ones may be another process's upload.
        var oldest = (time ?? TimeProvider.System).GetUtcNow().UtcDateTime - AbandonedAfter;
        foreach (var file in new DirectoryInfo(_incoming).EnumerateFiles("*" + TemporarySuffix))
            if (file.LastWriteTimeUtc < oldest)
                file.Delete();
    }

    public Task<StoredObject> PutIfAbsentAsync(Stream content, CancellationToken cancellationToken) => StoreAsync(content, null, cancellationToken);

    public Task<StoredObject> PutAsync(Stream content, string expectedSha256, CancellationToken cancellationToken)
    {
        CheckKey(expectedSha256);
        return StoreAsync(content, expectedSha256, cancellationToken);
    }

    public Stream OpenRead(string sha256)
    {
        var path = PathOf(sha256);
        try
        {
            return new VerifyingStream(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1 << 16, FileOptions.SequentialScan), sha256);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ObjectDamagedException($"Object {sha256} is missing from the store. Restore it from a backup.", missing);
        }
    }

    public Task<bool> ExistsAsync(string sha256, CancellationToken cancellationToken) => Task.FromResult(File.Exists(PathOf(sha256)));

    public Task DeleteAsync(string sha256, CancellationToken cancellationToken)
    {
        var path = PathOf(sha256);
        if (File.Exists(path)) File.Delete(path);
        return Task.CompletedTask;
    }

    public string? LocalPath(string sha256) => PathOf(sha256) is var path && File.Exists(path) ? path : null;

    private static void CheckKey(string sha256)
    {
        // Keys become file names: nothing but a hash may pass.
        if (sha256.Length != 64 || !sha256.All(char.IsAsciiHexDigitLower)) throw new ArgumentException($"'{sha256}' is no SHA-256 in lower-case hex.", nameof(sha256));
    }

    private string PathOf(string sha256)
    {
        CheckKey(sha256);
        return Path.Combine(_root, sha256[..2], sha256);
    }

    private async Task<StoredObject> StoreAsync(Stream content, string? expected, CancellationToken cancellationToken)
    {
        var temporary = Path.Combine(_incoming, Guid.NewGuid().ToString("N") + TemporarySuffix);
        try
        {
            var (sha256, size) = await WriteAsync(content, temporary, cancellationToken);
            if (expected is not null && sha256 != expected) throw new ObjectDamagedException($"The bytes sent have SHA-256 {sha256}, not {expected}; nothing was stored. Send them again.");
            var final = PathOf(sha256);
            // A file of another length is damaged: the good bytes at hand replace it.
            if (File.Exists(final) && new FileInfo(final).Length == size) return new StoredObject(sha256, size);
            Directory.CreateDirectory(Path.GetDirectoryName(final)!);
            // Racers for one key carry the same bytes, so it does not matter whose rename comes last.
            File.Move(temporary, final, overwrite: true);
            // The rename itself survives a power loss only once the folder that holds the name is on the disk.
            FolderSync.Sync(Path.GetDirectoryName(final)!);
            return new StoredObject(sha256, size);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private static async Task<(string Sha256, long Size)> WriteAsync(Stream content, string path, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0, FileOptions.Asynchronous);
        var buffer = new byte[1 << 16];
        var size = 0L;
        int read;
        while ((read = await content.ReadAsync(buffer, cancellationToken)) > 0)
        {
            hash.AppendData(buffer, 0, read);
            await file.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            size += read;
        }

        file.Flush(flushToDisk: true);
        return (Convert.ToHexStringLower(hash.GetHashAndReset()), size);
    }
}
