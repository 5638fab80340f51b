using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;

namespace ContinualService.Engine.Continual;

/// <summary>
/// All that an adapter keeps between tasks: what its method asks for of each layer, and the number of tasks learned. Immutable; owns its tensors.
/// </summary>
public sealed class AdapterState : IDisposable
{
    /// <param name="config">Rank, alpha, targets.</param>
    /// <param name="method">The method that made it.</param>
    /// <param name="taskIndex">Tasks learned, 1 or more.</param>
    /// <param name="sites">One per adapted layer, in the model's order; their tensors become this object's.</param>
    /// <exception cref="ArgumentException">A tensor is missing, unexpected, or has another shape than the method's layout says.</exception>
    public AdapterState(LoraConfig config, IContinualMethod method, int taskIndex, IReadOnlyList<AdapterSite> sites)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(taskIndex, 1);
        Config = config;
        Method = method;
        TaskIndex = taskIndex;
        Sites = sites;
        foreach (var site in sites)
        {
            CheckLayout(site);
            foreach (var tensor in site.Tensors.Values) tensor.DetachFromDisposeScope();
        }
    }

    public LoraConfig Config { get; }

    public IContinualMethod Method { get; }

    /// <summary>i: how many tasks the adapter has learned.</summary>
    public int TaskIndex { get; }

    public IReadOnlyList<AdapterSite> Sites { get; }

    /// <summary>The shape of <see cref="ServingWeights"/>.</summary>
    public LoraConfig ServedConfig => Method.ServedConfig(Config, TaskIndex);

    /// <summary>What is served. Copies; the caller disposes them.</summary>
    public LoraWeights ServingWeights()
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var served = ServedConfig;
        return new LoraWeights([.. Sites.Select(site =>
        {
            var (a, b) = Method.Serve(site);
            return new LoraPair(site.Site, a, b, served.ScaleOf(site.Site.Path));
        })]);
    }

    /// <summary>Writes the training state file; see <see cref="AdapterStateFile"/>.</summary>
    public void Save(string path, string baseDigest, IReadOnlyDictionary<string, string>? metadata = null) => AdapterStateFile.Save(this, path, baseDigest, metadata);

    /// <summary>Reads a training state file for <paramref name="decoder"/>.</summary>
    /// <exception cref="ModelFormatException">The file is malformed, or belongs to another base or another shape of adapter.</exception>
    public static AdapterState Load(string path, Decoder decoder, string baseDigest, LoraConfig? expected = null) => Load(path, decoder.Config, decoder.Device, baseDigest, expected);

    /// <inheritdoc cref="Load(string, Decoder, string, LoraConfig?)"/>
    public static AdapterState Load(string path, ModelConfig model, torch.Device device, string baseDigest, LoraConfig? expected = null) =>
        AdapterStateFile.Load(path, model, device, baseDigest, expected);

    public void Dispose()
    {
        foreach (var tensor in Sites.SelectMany(site => site.Tensors.Values)) tensor.Dispose();
    }

    private void CheckLayout(AdapterSite site)
    {
        var layout = Method.Layout(Config, site.Site, TaskIndex);
        var fits = layout.Count == site.Tensors.Count
            && layout.All(wanted => site.Tensors.TryGetValue(wanted.Name, out var tensor) && tensor.shape.SequenceEqual([wanted.Rows, wanted.Columns]));
        if (fits) return;
        throw new ArgumentException($"{site.Site.Path}: {string.Join(", ", site.Tensors.Select(item => $"{item.Key} [{string.Join(", ", item.Value.shape)}]"))} "
            + $"in place of {string.Join(", ", layout.Select(wanted => $"{wanted.Name} [{wanted.Rows}, {wanted.Columns}]"))}, which {Method.Name} keeps after {TaskIndex} task(s).");
    }
}
