using System.Security.Cryptography;

namespace ContinualService.Infrastructure.Storage;

/// <summary>Reads forward only and, at the last byte, throws when what was read is not what the hash names.</summary>
internal sealed class VerifyingStream(Stream inner, string sha256) : Stream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _position;
    private bool _checked;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    /// <summary>Known without reading; seeking is not possible, because a hash needs every byte in order.</summary>
    public override long Length => inner.Length;

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        var read = inner.Read(buffer);
        Account(buffer[..read], buffer.Length);
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await inner.ReadAsync(buffer, cancellationToken);
        Account(buffer.Span[..read], buffer.Length);
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
            _hash.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Account(ReadOnlySpan<byte> read, int wanted)
    {
        _hash.AppendData(read);
        _position += read.Length;
        // With the file's last bytes, not one call later: a reader that knows the length never asks for the end.
        var ended = (read.IsEmpty && wanted > 0) || _position >= inner.Length;
        if (!ended || _checked) return;
        _checked = true;
        var found = Convert.ToHexStringLower(_hash.GetHashAndReset());
        if (found != sha256) throw new ObjectDamagedException($"Object {sha256} is damaged: its {_position} bytes have SHA-256 {found}. Restore it from a backup.");
    }
}
