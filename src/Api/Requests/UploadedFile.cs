namespace ContinualService.Api.Requests;

/// <summary>A file part of a multipart body.</summary>
internal sealed record UploadedFile(string FileName, ReadOnlyMemory<byte> Bytes);
