using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>Plain sequential tuning, the baseline: one LoRA, tuned on task after task from where it stands, and served as it stands.</summary>
public sealed class SeqLora : IContinualMethod
{
    public string Name => "seqlora";

    public double Lambda(int taskIndex) => 1;

    public LoraWeights StartTask(Decoder decoder, LoraConfig config, AdapterState? previous, Generator generator)
    {
        if (previous is null) return LoraWeights.CreateFresh(decoder, config, generator);
        using var scope = NewDisposeScope();
        return new LoraWeights([.. previous.Sites.Select(site =>
            new LoraPair(site.Site, site.AFineTuned.clone(), site.BFineTuned.clone(), config.ScaleOf(site.Site.Path)))]);
    }

    public AdapterState FinishTask(LoraConfig config, LoraWeights fineTuned, AdapterState? previous)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return new AdapterState(config, Name, (previous?.TaskIndex ?? 0) + 1, [.. fineTuned.Pairs.Select(pair => new AdapterSite(
            pair.Site, pair.A.detach().clone(), pair.B.detach().clone(), pair.B.detach().clone()))]);
    }
}
