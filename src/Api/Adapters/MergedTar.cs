using System.Formats.Tar;
using System.Text;
using System.Text.Json.Nodes;
using ContinualService.Domain.Adapters;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;

namespace ContinualService.Api.Adapters;

/// <summary>
/// A version merged into its base as a tar: computed while it is sent, because a base of many gigabytes should neither wait for nor fill a disk.
/// Its length is known beforehand, so that a client sees a download that broke off. Same version, same bytes.
/// </summary>
internal sealed class MergedTar : IDisposable
{
    private const int BlockBytes = 512;
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private readonly LoraWeights _weights;
    private readonly IReadOnlyList<MergedFile> _files;
    private readonly DateTimeOffset _time;

    private MergedTar(LoraWeights weights, IReadOnlyList<MergedFile> files, DateTimeOffset time)
    {
        (_weights, _files, _time) = (weights, files, time);

        // A header and whole blocks for each file; two empty blocks end a tar.
        SizeBytes = files.Sum(file => BlockBytes + (file.SizeBytes + BlockBytes - 1) / BlockBytes * BlockBytes) + 2 * BlockBytes;
    }

    public long SizeBytes { get; }

    /// <summary>Reads the LoRA whole, so that damage is found before the first byte is sent. Reads and closes <paramref name="weights"/>.</summary>
    public static async Task<MergedTar> OpenAsync(Adapter adapter, AdapterVersion version, JsonObject facts, CatalogModel model, Stream weights, CancellationToken cancellationToken)
    {
        var lora = await VersionWeights.LoadAsync(adapter, version, model.Config, weights, cancellationToken);
        try
        {
            var texts = new[] { Text(PeftAdapter.FactsFile, PeftAdapter.FactsText(facts)), Text(Modelfile.Name, Modelfile.OfMerged(adapter, version)) };
            return new MergedTar(lora, [.. MergedBase.Files(model.Folder, lora), .. texts], version.CreatedAt);
        }
        catch
        {
            lora.Dispose();
            throw;
        }
    }

    public async Task WriteAsync(Stream target, CancellationToken cancellationToken)
    {
        await using var tar = new TarWriter(target, TarEntryFormat.Gnu, leaveOpen: true);
        foreach (var file in _files)
        {
            await using var content = file.Open();
            // GNU's header is one block for any length of file; pax would add blocks for those beyond 8 GiB.
            await tar.WriteEntryAsync(new GnuTarEntry(TarEntryType.RegularFile, file.Name) { DataStream = content, ModificationTime = _time, Mode = Mode }, cancellationToken);
        }
    }

    public void Dispose() => _weights.Dispose();

    private static MergedFile Text(string name, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return new MergedFile(name, bytes.Length, () => new MemoryStream(bytes));
    }
}
