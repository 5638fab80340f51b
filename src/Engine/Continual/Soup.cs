using ContinualService.Domain.Previews;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>
/// Uniform average (model soup) of B along one sequential trajectory: a task starts from the last fine-tune as it stands; A is replaced, and the B that serves is the mean of
/// all tuned B: B_merge += (B_ft - B_merge) / i. Keeps |A| + 2|B|.
/// </summary>
public sealed class Soup(MethodOptions? options = null) : IAffineMerge
{
    public string Name => "soup";

    public MethodOptions Options { get; } = options ?? new MethodOptions();

    public double Lambda(int taskIndex) => 1.0 / taskIndex;

    public IReadOnlyList<StateTensor> Layout(LoraConfig config, LinearSite site, int taskIndex) =>
        [StateTensor.LikeA(StateTensor.FineTunedA, config, site), StateTensor.LikeB(StateTensor.FineTunedB, config, site), StateTensor.LikeB(StateTensor.MergedB, config, site)];

    public Tuning StartTask(Decoder decoder, LoraConfig config, AdapterState? previous, Generator generator)
    {
        using var scope = NewDisposeScope();
        return new Tuning(TunedPairs.StartOf(decoder, config, previous, generator));
    }

    public AdapterState FinishTask(LoraConfig config, Tuning tuned, AdapterState? previous) => Finish(config, tuned.Lora, previous?.Sites, (previous?.TaskIndex ?? 0) + 1);

    public AdapterState MergeAt(AdapterState finished, AdapterState previous, MergeSchedule merge, int layers)
    {
        using var scope = NewDisposeScope();
        return new AdapterState(finished.Config, this, finished.TaskIndex, [.. finished.Sites.Select((site, index) => new AdapterSite(
            site.Site, site.AFineTuned.clone(), site.BFineTuned.clone(), Slao.Merge(previous.Sites[index].BMerged, site.BFineTuned, merge.At(site.Site.Layer, layers))))]);
    }

    public (Tensor A, Tensor B) Serve(AdapterSite site) => (site.AFineTuned.clone(), site.BMerged.clone());

    /// <summary>As if the weights were the mean and the last fine-tune at once.</summary>
    public AdapterState StateOf(LoraConfig config, LoraWeights weights, int taskIndex) => Finish(config, weights, null, taskIndex);

    private AdapterState Finish(LoraConfig config, LoraWeights tuned, IReadOnlyList<AdapterSite>? previous, int taskIndex)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return new AdapterState(config, this, taskIndex, [.. tuned.Pairs.Select((pair, index) => new AdapterSite(
            pair.Site, pair.A.detach().clone(), pair.B.detach().clone(), Slao.Merge(previous?[index].BMerged, pair.B.detach(), Lambda(taskIndex))))]);
    }
}
