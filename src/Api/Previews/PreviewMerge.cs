using System.Security.Cryptography;
using ContinualService.Api.Adapters;
using ContinualService.Api.Serving;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Previews;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Storage;
using static TorchSharp.torch;

namespace ContinualService.Api.Previews;

/// <summary>Merges the last task once more, on this process's CPU, from the two states that a preview was measured with.</summary>
/// <param name="Adapter">Whose.</param>
/// <param name="Model">Its base.</param>
/// <param name="Point">What was measured.</param>
/// <param name="Finished">The version whose merge is varied.</param>
/// <param name="Previous">The version that its task started from.</param>
/// <param name="Objects">Where their states are.</param>
internal sealed record PreviewMerge(Adapter Adapter, CatalogModel Model, PreviewPoint Point, AdapterVersion Finished, AdapterVersion Previous, IObjectStore Objects)
{
    public const string StateFile = "state.safetensors";

    /// <summary>Writes weights (<see cref="PeftAdapter.WeightsFile"/>) and state into a folder; whether both are, to the bit, what was measured.</summary>
    public async Task<bool> WriteAsync(string folder, CancellationToken cancellationToken)
    {
        using var finished = await StateAsync(folder, Finished.StateSha256, cancellationToken);
        using var previous = await StateAsync(folder, Previous.StateSha256, cancellationToken);
        using (var state = ((IAffineMerge)Adapter.ContinualMethod()).MergeAt(finished, previous, Point.Merge(), Model.Config.LayerCount))
        using (var served = state.ServingWeights())
        {
            state.Save(Path.Combine(folder, StateFile), Adapter.BaseDigest);
            PeftAdapter.Save(folder, state.ServedConfig, served, Adapter.Model);
        }

        return await DigestAsync(folder, PeftAdapter.WeightsFile, cancellationToken) == Point.Sha256 && await DigestAsync(folder, StateFile, cancellationToken) == Point.StateSha256;
    }

    /// <summary>The weights alone; closing the stream leaves nothing behind.</summary>
    /// <exception cref="ObjectDamagedException">They are not those that were measured.</exception>
    public Task<Stream> OpenWeightsAsync(CancellationToken cancellationToken) => MadeWeights.OpenAsync(async folder =>
    {
        if (!await WriteAsync(folder, cancellationToken))
            throw new ObjectDamagedException($"The merge with lambda {Point.Merge().Text} is not, to the bit, what the worker measured for its preview.");
    });

    private static async Task<string> DigestAsync(string folder, string name, CancellationToken cancellationToken)
    {
        await using var file = File.OpenRead(Path.Combine(folder, name));
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellationToken));
    }

    private async Task<AdapterState> StateAsync(string folder, string sha256, CancellationToken cancellationToken)
    {
        var path = Path.Combine(folder, sha256);
        await using (var source = await Objects.OpenReadAsync(sha256, cancellationToken))
        await using (var copy = OwnerOnlyFile.Create(path, FileOptions.Asynchronous)) await source.CopyToAsync(copy, cancellationToken);
        return AdapterState.Load(path, Model.Config, CPU, Adapter.BaseDigest);
    }
}
