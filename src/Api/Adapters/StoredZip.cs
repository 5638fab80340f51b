using System.IO.Compression;
using System.Text;

namespace ContinualService.Api.Adapters;

/// <summary>Packs files into a zip without compressing them. Same content, same bytes.</summary>
internal static class StoredZip
{
    // Zip cannot say less; a real time would make every download different.
    private static readonly DateTimeOffset Epoch = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Writes a temporary file and hands it over, positioned at its start; closing it deletes it.</summary>
    public static async Task<Stream> PackAsync(IEnumerable<(string Name, Stream Content)> entries, CancellationToken cancellationToken)
    {
        var file = OwnerOnlyFile.CreateTemporary();
        try
        {
            await using (var zip = await ZipArchive.CreateAsync(file, ZipArchiveMode.Create, leaveOpen: true, Encoding.UTF8, cancellationToken))
            {
                foreach (var (name, content) in entries) await AddAsync(zip, name, content, cancellationToken);
            }

            file.Position = 0;
            return file;
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }

    /// <summary>A text as an entry's content.</summary>
    public static Stream Content(string text) => new MemoryStream(Encoding.UTF8.GetBytes(text));

    private static async Task AddAsync(ZipArchive zip, string name, Stream content, CancellationToken cancellationToken)
    {
        // Float weights do not compress; storing them keeps the download as fast as the disk.
        var entry = zip.CreateEntry(name, CompressionLevel.NoCompression);
        entry.LastWriteTime = Epoch;
        await using var target = await entry.OpenAsync(cancellationToken);
        await content.CopyToAsync(target, cancellationToken);
    }
}
