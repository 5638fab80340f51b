using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;

namespace ContinualService.Engine.Continual;

/// <summary>
/// All that an adapter keeps between tasks: A and B of the last fine-tune, the merged B, and the number of tasks learned. The same size after
/// task 1 and task 1000. Immutable; owns its tensors.
/// </summary>
public sealed class AdapterState : IDisposable
{
    /// <param name="config">Rank, alpha, targets.</param>
    /// <param name="method">Name of the method that made it.</param>
    /// <param name="taskIndex">Tasks learned, 1 or more.</param>
    /// <param name="sites">One per adapted layer, in the model's order; their tensors become this object's.</param>
    public AdapterState(LoraConfig config, string method, int taskIndex, IReadOnlyList<AdapterSite> sites)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(taskIndex, 1);
        Config = config;
        Method = method;
        TaskIndex = taskIndex;
        Sites = sites;
        foreach (var site in sites)
        {
            site.AFineTuned.DetachFromDisposeScope();
            site.BFineTuned.DetachFromDisposeScope();
            site.BMerged.DetachFromDisposeScope();
        }
    }

    public LoraConfig Config { get; }

    public string Method { get; }

    /// <summary>i: how many tasks the adapter has learned.</summary>
    public int TaskIndex { get; }

    public IReadOnlyList<AdapterSite> Sites { get; }

    /// <summary>What is served: A of the last fine-tune with the merged B. Copies; the caller disposes them.</summary>
    public LoraWeights ServingWeights()
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        return new LoraWeights([.. Sites.Select(site =>
            new LoraPair(site.Site, site.AFineTuned.clone(), site.BMerged.clone(), Config.ScaleOf(site.Site.Path)))]);
    }

    /// <summary>Writes the training state file; see <see cref="AdapterStateFile"/>.</summary>
    public void Save(string path, string baseDigest, IReadOnlyDictionary<string, string>? metadata = null) => AdapterStateFile.Save(this, path, baseDigest, metadata);

    /// <summary>Reads a training state file for <paramref name="decoder"/>.</summary>
    /// <exception cref="ModelFormatException">The file is malformed, or belongs to another base or another shape of adapter.</exception>
    public static AdapterState Load(string path, Decoder decoder, string baseDigest, LoraConfig? expected = null) => Load(path, decoder.Config, decoder.Device, baseDigest, expected);

    /// <inheritdoc cref="Load(string, Decoder, string, LoraConfig?)"/>
    public static AdapterState Load(string path, ModelConfig model, TorchSharp.torch.Device device, string baseDigest, LoraConfig? expected = null) =>
        AdapterStateFile.Load(path, model, device, baseDigest, expected);

    public void Dispose()
    {
        foreach (var site in Sites)
        {
            site.AFineTuned.Dispose();
            site.BFineTuned.Dispose();
            site.BMerged.Dispose();
        }
    }
}
