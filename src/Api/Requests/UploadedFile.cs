namespace ContinualService.Api.Requests;

/// <summary>A file part of a multipart body.</summary>
internal sealed record UploadedFile(string FileName, ReadOnlyMemory<byte> Bytes)
{
    /// <summary>The bytes as a stream, not copied where they lie in an array.</summary>
    public Stream Open() =>
        System.Runtime.InteropServices.MemoryMarshal.TryGetArray(Bytes, out var array)
            ? new MemoryStream(array.Array!, array.Offset, array.Count, writable: false)
            : new MemoryStream(Bytes.ToArray(), writable: false);
}
