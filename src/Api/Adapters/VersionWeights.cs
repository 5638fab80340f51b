using ContinualService.Domain.Adapters;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;

namespace ContinualService.Api.Adapters;

/// <summary>Reads a version's weights out of the object store.</summary>
internal static class VersionWeights
{
    /// <summary>On the CPU; the caller disposes them. Reads and closes <paramref name="stored"/>, whose hash the store checks.</summary>
    public static async Task<LoraWeights> LoadAsync(Adapter adapter, AdapterVersion version, ModelConfig model, Stream stored, CancellationToken cancellationToken)
    {
        await using var unpacked = OwnerOnlyFile.CreateTemporary();
        await using (stored) await stored.CopyToAsync(unpacked, cancellationToken);
        await unpacked.FlushAsync(cancellationToken);
        return PeftAdapter.LoadWeights(unpacked.Name, adapter.ServedShape(version), model, torch.CPU);
    }
}
