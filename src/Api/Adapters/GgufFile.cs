using ContinualService.Domain.Adapters;
using ContinualService.Engine.Gguf;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;

namespace ContinualService.Api.Adapters;

/// <summary>Turns a version's weights into the LoRA file of llama.cpp. Same version, same bytes.</summary>
internal static class GgufFile
{
    /// <summary>Writes a temporary file and hands it over, positioned at its start; closing it deletes it. Reads and closes <paramref name="weights"/>.</summary>
    public static async Task<Stream> WriteAsync(Adapter adapter, ModelConfig model, string name, Stream weights, CancellationToken cancellationToken)
    {
        await using var unpacked = OwnerOnlyFile.CreateTemporary();
        await using (weights) await weights.CopyToAsync(unpacked, cancellationToken);
        await unpacked.FlushAsync(cancellationToken);
        using var lora = PeftAdapter.LoadWeights(unpacked.Name, adapter.LoraConfig(), model, torch.CPU);
        var file = OwnerOnlyFile.CreateTemporary();
        try
        {
            GgufLora.Write(file, model, adapter.LoraConfig(), lora, name);
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
