using System.Security.Cryptography;

namespace ContinualService.Infrastructure.Storage;

/// <summary>
/// Takes in streams as temporary files, because their hash, and so their name, is known only at their end. What a crash leaves is deleted at
/// the next start.
/// </summary>
internal sealed class IncomingFolder
{
    private const string Suffix = ".tmp";
    private const int BufferBytes = 1 << 16;
    private static readonly TimeSpan AbandonedAfter = TimeSpan.FromHours(1);
    private readonly string _path;

    /// <param name="path">Made when absent.</param>
    /// <param name="time">Tells which files are abandoned.</param>
    public IncomingFolder(string path, TimeProvider time)
    {
        _path = path;
        Directory.CreateDirectory(path);
        // Young ones may be another process's upload.
        var oldest = time.GetUtcNow().UtcDateTime - AbandonedAfter;
        foreach (var file in new DirectoryInfo(path).EnumerateFiles("*" + Suffix))
            if (file.LastWriteTimeUtc < oldest)
                file.Delete();
    }

    /// <summary>A path in the folder that nothing has yet.</summary>
    public string NewPath() => Path.Combine(_path, Guid.NewGuid().ToString("N") + Suffix);

    /// <summary>Reads the stream to its end into a file that is on the disk when this returns.</summary>
    /// <param name="content">Read once, from where it stands.</param>
    /// <param name="expectedSha256">What its hash must be; null: anything.</param>
    /// <exception cref="ObjectDamagedException">The bytes have another hash; no file is left.</exception>
    public async Task<IncomingFile> ReceiveAsync(Stream content, string? expectedSha256, CancellationToken cancellationToken)
    {
        var path = NewPath();
        try
        {
            var (sha256, size) = await WriteAsync(content, path, cancellationToken);
            if (expectedSha256 is null || sha256 == expectedSha256) return new IncomingFile(path, sha256, size);
            throw new ObjectDamagedException($"The bytes sent have SHA-256 {sha256}, not {expectedSha256}; nothing was stored. Send them again.");
        }
        catch
        {
            File.Delete(path);
            throw;
        }
    }

    private static async Task<(string Sha256, long Size)> WriteAsync(Stream content, string path, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0, FileOptions.Asynchronous);
        var buffer = new byte[BufferBytes];
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
