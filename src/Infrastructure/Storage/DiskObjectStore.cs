using System.Runtime.CompilerServices;

namespace ContinualService.Infrastructure.Storage;

/// <summary>
/// Objects as files <c>ab/abcdef…</c> below one folder. A file appears under its name only when complete and on the disk: it is written under
/// a temporary name, synced, then renamed. What a crash leaves under temporary names is deleted at the next start.
/// </summary>
public sealed class DiskObjectStore : IObjectStore
{
    private const string IncomingName = "incoming";
    private readonly string _root;
    private readonly TimeProvider _time;
    private readonly IncomingFolder _incoming;

    /// <param name="root">Made when absent.</param>
    /// <param name="time">Tells which temporary files are abandoned, and dates the objects; null: the system's clock.</param>
    public DiskObjectStore(string root, TimeProvider? time = null)
    {
        _root = Path.GetFullPath(root);
        _time = time ?? TimeProvider.System;
        _incoming = new IncomingFolder(Path.Combine(_root, IncomingName), _time);
    }

    public Task<StoredObject> PutIfAbsentAsync(Stream content, CancellationToken cancellationToken) => StoreAsync(content, null, cancellationToken);

    public Task<StoredObject> PutAsync(Stream content, string expectedSha256, CancellationToken cancellationToken)
    {
        ObjectKey.Check(expectedSha256);
        return StoreAsync(content, expectedSha256, cancellationToken);
    }

    public Task<Stream> OpenReadAsync(string sha256, CancellationToken cancellationToken)
    {
        var path = PathOf(sha256);
        try
        {
            var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1 << 16, FileOptions.SequentialScan);
            return Task.FromResult<Stream>(new VerifyingStream(file, sha256));
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ObjectDamagedException($"Object {sha256} is missing from the store. Restore it from a backup.", missing);
        }
    }

    public Task<StoredObjectInfo?> StatAsync(string sha256, CancellationToken cancellationToken)
    {
        var file = new FileInfo(PathOf(sha256));
        return Task.FromResult(file.Exists ? Info(file) : null);
    }

    public async IAsyncEnumerable<StoredObjectInfo> ListAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var file in new DirectoryInfo(_root).EnumerateFiles("*", SearchOption.AllDirectories))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (ObjectKey.IsValid(file.Name) && file.Exists) yield return Info(file);
        }

        await Task.CompletedTask;
    }

    public Task DeleteAsync(string sha256, CancellationToken cancellationToken)
    {
        var path = PathOf(sha256);
        if (File.Exists(path)) File.Delete(path);
        return Task.CompletedTask;
    }

    public string? LocalPath(string sha256) => PathOf(sha256) is var path && File.Exists(path) ? path : null;

    public Task EnsureBucketAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task CheckAsync(CancellationToken cancellationToken)
    {
        var path = _incoming.NewPath();
        await File.WriteAllBytesAsync(path, [], cancellationToken);
        File.Delete(path);
    }

    private static StoredObjectInfo Info(FileInfo file) => new(file.Name, file.Length, file.LastWriteTimeUtc);

    private string PathOf(string sha256)
    {
        ObjectKey.Check(sha256);
        return Path.Combine(_root, sha256[..2], sha256);
    }

    private async Task<StoredObject> StoreAsync(Stream content, string? expected, CancellationToken cancellationToken)
    {
        using var file = await _incoming.ReceiveAsync(content, expected, cancellationToken);
        var final = PathOf(file.Sha256);
        if (IsRenewed(final, file.SizeBytes)) return file.Stored;
        Directory.CreateDirectory(Path.GetDirectoryName(final)!);
        // Racers for one key carry the same bytes, so it does not matter whose rename comes last.
        File.Move(file.Path, final, overwrite: true);
        // The rename itself survives a power loss only once the folder that holds the name is on the disk.
        FolderSync.Sync(Path.GetDirectoryName(final)!);
        return file.Stored;
    }

    // A file of another length is damaged: the good bytes at hand replace it.
    private bool IsRenewed(string path, long size)
    {
        if (!File.Exists(path) || new FileInfo(path).Length != size) return false;
        try
        {
            File.SetLastWriteTimeUtc(path, _time.GetUtcNow().UtcDateTime);
            return true;
        }
        catch (FileNotFoundException)
        {
            return false; // Deleted between the two calls.
        }
    }
}
