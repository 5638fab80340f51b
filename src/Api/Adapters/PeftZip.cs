using System.Text.Json.Nodes;
using ContinualService.Domain.Adapters;
using ContinualService.Engine.Lora;

namespace ContinualService.Api.Adapters;

/// <summary>Packs a version into the zip that PEFT, vLLM and others load once unpacked. Same version, same bytes.</summary>
internal static class PeftZip
{
    /// <summary>Writes the zip to a temporary file and hands it over, positioned at its start; closing it deletes it. Reads and closes <paramref name="weights"/>.</summary>
    public static async Task<Stream> PackAsync(Adapter adapter, AdapterVersion version, JsonObject facts, Stream weights, CancellationToken cancellationToken)
    {
        // Unpacked whole before the first byte is sent: the store checks the weights' hash as they are read, so damage gives an error and not a broken zip.
        await using var unpacked = OwnerOnlyFile.CreateTemporary();
        await using (weights) await weights.CopyToAsync(unpacked, cancellationToken);
        await unpacked.FlushAsync(cancellationToken);
        var texts = PeftAdapter.Texts(adapter.ServedShape(version), unpacked.Name, adapter.Model, facts);
        unpacked.Position = 0;
        return await StoredZip.PackAsync(
            [.. texts.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => (entry.Key, StoredZip.Content(entry.Value))), (PeftAdapter.WeightsFile, unpacked)], cancellationToken);
    }
}
