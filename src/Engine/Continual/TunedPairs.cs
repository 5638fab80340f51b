using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>Pairs to start tuning from.</summary>
internal static class TunedPairs
{
    /// <summary>Where plain tuning starts: fresh for the first task, else where the last fine-tune ended.</summary>
    public static LoraWeights StartOf(Decoder decoder, LoraConfig config, AdapterState? previous, Generator generator) =>
        previous is null ? LoraWeights.CreateFresh(decoder, config, generator) : StartFrom(previous);

    /// <summary>Copies of the last fine-tune's A and B.</summary>
    public static LoraWeights StartFrom(AdapterState state) => Create(state.Config, state.Sites, site => (site.AFineTuned.clone(), site.BFineTuned.clone()));

    /// <summary>A pair of each layer, under the scale of one task's shape.</summary>
    public static LoraWeights Create(LoraConfig config, IReadOnlyList<AdapterSite> sites, Func<AdapterSite, (Tensor A, Tensor B)> start)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return new LoraWeights([.. sites.Select(site =>
        {
            var (a, b) = start(site);
            return new LoraPair(site.Site, a, b, config.ScaleOf(site.Site.Path));
        })]);
    }
}
