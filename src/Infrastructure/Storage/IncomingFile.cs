namespace ContinualService.Infrastructure.Storage;

/// <summary>A stream taken in whole; disposal deletes the file where it still is.</summary>
internal sealed record IncomingFile(string Path, string Sha256, long SizeBytes) : IDisposable
{
    public StoredObject Stored => new(Sha256, SizeBytes);

    public void Dispose() => File.Delete(Path);
}
