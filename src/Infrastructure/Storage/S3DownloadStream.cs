namespace ContinualService.Infrastructure.Storage;

/// <summary>
/// An object's bytes as they come from the server, read forward and asynchronously only. A connection that breaks or stalls on the way is
/// replaced by another one, from where the last left off.
/// </summary>
/// <param name="length">The object's length.</param>
/// <param name="first">The answer whose body begins at the object's first byte.</param>
/// <param name="resume">Asks for the object's bytes from an offset on; its answer's body begins there.</param>
internal sealed class S3DownloadStream(long length, HttpResponseMessage first, Func<long, CancellationToken, Task<HttpResponseMessage>> resume) : Stream
{
    private const int Attempts = 4;
    private static readonly TimeSpan StallLimit = TimeSpan.FromSeconds(20);
    private HttpResponseMessage? _response = first;
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        for (var attempt = 1; ; attempt++)
        {
            _response ??= await resume(_position, cancellationToken);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(StallLimit);
            try
            {
                var body = await _response.Content.ReadAsStreamAsync(limit.Token);
                var read = await body.ReadAsync(buffer, limit.Token);
                _position += read;
                return read;
            }
            catch (Exception fault) when (fault is IOException or HttpRequestException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                _response.Dispose();
                _response = null;
                if (attempt == Attempts) throw new ObjectStoreUnavailableException($"The object store broke off {Attempts} times in the middle of an object. Check the network to it.", fault);
            }
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("An object in S3 is read asynchronously.");

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) _response?.Dispose();
        base.Dispose(disposing);
    }
}
