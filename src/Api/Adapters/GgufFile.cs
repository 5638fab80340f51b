using ContinualService.Domain.Adapters;
using ContinualService.Engine.Gguf;
using ContinualService.Engine.Models;

namespace ContinualService.Api.Adapters;

/// <summary>Turns a version's weights into the LoRA file of llama.cpp. Same version, same bytes.</summary>
internal static class GgufFile
{
    /// <summary>Writes a temporary file and hands it over, positioned at its start; closing it deletes it. Reads and closes <paramref name="weights"/>.</summary>
    public static async Task<Stream> WriteAsync(Adapter adapter, AdapterVersion version, ModelConfig model, string name, Stream weights, CancellationToken cancellationToken)
    {
        using var lora = await VersionWeights.LoadAsync(adapter, version, model, weights, cancellationToken);
        var file = OwnerOnlyFile.CreateTemporary();
        try
        {
            GgufLora.Write(file, model, adapter.ServedShape(version), lora, name);
            file.Position = 0;
            return file;
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }
}
