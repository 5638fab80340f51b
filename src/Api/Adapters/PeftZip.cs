using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using ContinualService.Domain.Adapters;
using ContinualService.Engine.Lora;

namespace ContinualService.Api.Adapters;

/// <summary>Packs a version into the zip that PEFT, vLLM and others load once unpacked. Same version, same bytes.</summary>
internal static class PeftZip
{
    // Zip cannot say less; a real time would make every download different.
    private static readonly DateTimeOffset Epoch = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Writes the zip to a temporary file and hands it over, positioned at its start; closing it deletes it. Reads and closes <paramref name="weights"/>.</summary>
    public static async Task<Stream> PackAsync(Adapter adapter, JsonObject facts, Stream weights, CancellationToken cancellationToken)
    {
        // Packed whole before the first byte is sent: the store checks the weights' hash as they are read, so damage gives an error and not a broken zip.
        var file = OwnerOnlyFile.CreateTemporary();
        var unpacked = OwnerOnlyFile.CreateTemporary();
        try
        {
            await using (weights) await weights.CopyToAsync(unpacked, cancellationToken);
            await unpacked.FlushAsync(cancellationToken);
            var texts = PeftAdapter.Texts(adapter.LoraConfig(), unpacked.Name, adapter.Model, facts);
            unpacked.Position = 0;
            await using (var zip = await ZipArchive.CreateAsync(file, ZipArchiveMode.Create, leaveOpen: true, Encoding.UTF8, cancellationToken))
            {
                foreach (var (name, text) in texts.OrderBy(entry => entry.Key, StringComparer.Ordinal))
                    await AddAsync(zip, name, new MemoryStream(Encoding.UTF8.GetBytes(text)), cancellationToken);
                await AddAsync(zip, PeftAdapter.WeightsFile, unpacked, cancellationToken);
            }

            file.Position = 0;
            return file;
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
        finally
        {
            await unpacked.DisposeAsync();
        }
    }

    private static async Task AddAsync(ZipArchive zip, string name, Stream content, CancellationToken cancellationToken)
    {
        // Float weights do not compress; storing them keeps the download as fast as the disk.
        var entry = zip.CreateEntry(name, CompressionLevel.NoCompression);
        entry.LastWriteTime = Epoch;
        await using var target = await entry.OpenAsync(cancellationToken);
        await content.CopyToAsync(target, cancellationToken);
    }
}
