using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>Plain sequential tuning, the baseline: one LoRA, tuned on task after task from where it stands, and served as it stands. Keeps |A| + 2|B|.</summary>
public sealed class SeqLora(MethodOptions? options = null) : IContinualMethod
{
    public string Name => "seqlora";

    public MethodOptions Options { get; } = options ?? new MethodOptions();

    // b_merge repeats b_ft: the files of this method have always been those of slao.
    public IReadOnlyList<StateTensor> Layout(LoraConfig config, LinearSite site, int taskIndex) =>
        [StateTensor.LikeA(StateTensor.FineTunedA, config, site), StateTensor.LikeB(StateTensor.FineTunedB, config, site), StateTensor.LikeB(StateTensor.MergedB, config, site)];

    public Tuning StartTask(Decoder decoder, LoraConfig config, AdapterState? previous, Generator generator)
    {
        using var scope = NewDisposeScope();
        return new Tuning(TunedPairs.StartOf(decoder, config, previous, generator));
    }

    public AdapterState FinishTask(LoraConfig config, Tuning tuned, AdapterState? previous) => StateOf(config, tuned.Lora, (previous?.TaskIndex ?? 0) + 1);

    public (Tensor A, Tensor B) Serve(AdapterSite site) => (site.AFineTuned.clone(), site.BMerged.clone());

    public AdapterState StateOf(LoraConfig config, LoraWeights weights, int taskIndex)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return new AdapterState(config, this, taskIndex, [.. weights.Pairs.Select(pair => new AdapterSite(
            pair.Site, pair.A.detach().clone(), pair.B.detach().clone(), pair.B.detach().clone()))]);
    }
}
