using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Lora;

/// <summary>The LoRA pairs of one adapter. Owns its tensors: they leave the caller's dispose scope and live until <see cref="Dispose"/>.</summary>
public sealed class LoraWeights : IDisposable
{
    private readonly LoraPair?[] _bySite;

    public LoraWeights(IReadOnlyList<LoraPair> pairs)
    {
        Pairs = pairs;
        FirstSite = pairs.Count == 0 ? 0 : pairs.Min(pair => pair.Site.Index);
        _bySite = new LoraPair?[pairs.Count == 0 ? 0 : pairs.Max(pair => pair.Site.Index) + 1];
        foreach (var pair in pairs)
        {
            CheckShape(pair);
            if (_bySite[pair.Site.Index] is not null) throw new ArgumentException($"Two LoRA pairs for {pair.Site.Path}.", nameof(pairs));
            _bySite[pair.Site.Index] = pair;
            pair.A.DetachFromDisposeScope();
            pair.B.DetachFromDisposeScope();
        }
    }

    public IReadOnlyList<LoraPair> Pairs { get; }

    /// <summary>The first <see cref="LinearSite.Index"/> that carries a pair; 0 where none does.</summary>
    internal int FirstSite { get; }

    /// <summary>The pair of the linear layer with this <see cref="LinearSite.Index"/>, null where the layer carries none.</summary>
    public LoraPair? At(int siteIndex) => siteIndex < _bySite.Length ? _bySite[siteIndex] : null;

    /// <summary>The layers that a configuration names, in checkpoint order.</summary>
    /// <exception cref="ModelFormatException">A name matches no layer; the message lists what exists.</exception>
    public static IReadOnlyList<LinearSite> Resolve(ModelConfig model, LoraConfig lora) => Resolve(DecoderLayout.Linears(model), lora);

    /// <inheritdoc cref="Resolve(ModelConfig, LoraConfig)"/>
    public static IReadOnlyList<LinearSite> Resolve(Decoder decoder, LoraConfig lora) => Resolve(decoder.Linears, lora);

    /// <summary>PEFT's fresh start: A Kaiming-uniform with a = sqrt(5), B = 0, float32 on the decoder's device.</summary>
    public static LoraWeights CreateFresh(Decoder decoder, LoraConfig lora, Generator generator)
    {
        using var scope = NewDisposeScope();
        return new LoraWeights([.. Resolve(decoder, lora).Select(site =>
        {
            var rank = lora.RankOf(site.Path);
            return new LoraPair(site, FreshA(rank, site.InFeatures, decoder.Device, generator), zeros(site.OutFeatures, rank, float32, decoder.Device), lora.ScaleOf(site.Path));
        })]);
    }

    /// <summary>Kaiming-uniform with a = sqrt(5): uniform within 1 / sqrt(fan in). Drawn on the generator's device. Shape [R, in], float32.</summary>
    public static Tensor FreshA(int rank, int inFeatures, Device device, Generator generator)
    {
        using var scope = NewDisposeScope();
        var bound = 1 / Math.Sqrt(inFeatures);
        var a = rand(rank, inFeatures, float32, generator.device, generator: generator).mul_(2 * bound).sub_(bound); // [R, in]
        return a.to(device).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        foreach (var pair in Pairs)
        {
            pair.A.Dispose();
            pair.B.Dispose();
        }
    }

    private static IReadOnlyList<LinearSite> Resolve(IReadOnlyList<LinearSite> all, LoraConfig lora)
    {
        if (lora.TargetModules.Count == 0) throw new ModelFormatException($"No target modules are given. Name some of: {Names(all)}; or all-linear.");
        if (lora.TargetModules is [LoraConfig.AllLinear]) return all;

        var chosen = new SortedSet<int>();
        foreach (var target in lora.TargetModules)
        {
            var matches = all.Where(site => site.Path == target || site.Path.EndsWith("." + target, StringComparison.Ordinal)).ToList();
            if (matches.Count == 0) throw new ModelFormatException($"Target module '{target}' matches no linear layer of this model. It has: {Names(all)}; or use all-linear alone.");
            chosen.UnionWith(matches.Select(site => site.Index));
        }

        return [.. chosen.Select(index => all[index])];
    }

    private static string Names(IReadOnlyList<LinearSite> all) => string.Join(", ", all.Select(site => site.Path[(site.Path.LastIndexOf('.') + 1)..]).Distinct());

    private static void CheckShape(LoraPair pair)
    {
        var rank = pair.A.shape[0];
        if (pair.A.dim() != 2 || pair.B.dim() != 2 || pair.A.shape[1] != pair.Site.InFeatures || pair.B.shape[0] != pair.Site.OutFeatures || pair.B.shape[1] != rank)
        {
            throw new ArgumentException($"{pair.Site.Path}: A [{string.Join(", ", pair.A.shape)}] and B [{string.Join(", ", pair.B.shape)}] do not fit "
                + $"a layer of {pair.Site.InFeatures} inputs and {pair.Site.OutFeatures} outputs.");
        }
    }
}
