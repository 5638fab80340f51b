using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>
/// SLAO, "Merge before Forget" (arXiv 2512.23017, algorithm 1): a task starts from an orthonormal basis of the last A and from the last
/// fine-tuned B (not the merged one); afterwards A is replaced and B is merged with a weight that falls with the square root of the task's number.
/// </summary>
public sealed class Slao : IContinualMethod
{
    public string Name => "slao";

    /// <summary>1 / sqrt(i): 1 for the first task, so that one path serves every task; no floor and no clamp.</summary>
    public double Lambda(int taskIndex) => 1 / Math.Sqrt(taskIndex);

    public LoraWeights StartTask(Decoder decoder, LoraConfig config, AdapterState? previous, Generator generator)
    {
        if (previous is null) return LoraWeights.CreateFresh(decoder, config, generator);
        using var scope = NewDisposeScope();
        return new LoraWeights([.. previous.Sites.Select(site =>
            new LoraPair(site.Site, OrthonormalBasis.Of(site.AFineTuned), site.BFineTuned.clone(), config.ScaleOf(site.Site.Path)))]);
    }

    public AdapterState FinishTask(LoraConfig config, LoraWeights fineTuned, AdapterState? previous)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var taskIndex = (previous?.TaskIndex ?? 0) + 1;
        var lambda = Lambda(taskIndex);
        return new AdapterState(config, Name, taskIndex, [.. fineTuned.Pairs.Select((pair, index) => new AdapterSite(
            pair.Site,
            pair.A.detach().clone(),
            pair.B.detach().clone(),
            Merge(previous?.Sites[index].BMerged, pair.B.detach(), lambda)))]);
    }

    /// <summary>B_merge + lambda (B_ft - B_merge), [out, R]; without an earlier B_merge, what lambda = 1 gives: B_ft.</summary>
    internal static Tensor Merge(Tensor? merged, Tensor fineTuned, double lambda)
    {
        using var scope = NewDisposeScope();
        var next = fineTuned.to(Precision.Merge);
        if (merged is not null)
        {
            var last = merged.to(Precision.Merge);
            next = last + lambda * (next - last);
        }

        return next.to(Precision.Master, copy: true).MoveToOuterDisposeScope();
    }
}
