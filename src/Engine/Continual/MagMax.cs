using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>
/// MagMax (arXiv 2407.06322) on A and B: one sequential trajectory theta_0, theta_1, ...; each task vector is tau_t = theta_t - theta_0, theta_0 being where the first task
/// started; what serves is theta_0 + tau, of each entry the tau_t of largest magnitude (the earlier one where two are equal). Kept as a running maximum, so all task vectors
/// are not needed: 3|A| + 2|B|.
/// </summary>
public sealed class MagMax(MethodOptions? options = null) : IContinualMethod
{
    private const string FirstA = "a_init"; // theta_0's A; its B is 0

    public string Name => "magmax";

    public MethodOptions Options { get; } = options ?? new MethodOptions();

    public IReadOnlyList<StateTensor> Layout(LoraConfig config, LinearSite site, int taskIndex) =>
    [
        StateTensor.LikeA(FirstA, config, site),
        StateTensor.LikeA(StateTensor.FineTunedA, config, site), StateTensor.LikeB(StateTensor.FineTunedB, config, site),
        StateTensor.LikeA(StateTensor.MergedA, config, site), StateTensor.LikeB(StateTensor.MergedB, config, site),
    ];

    public Tuning StartTask(Decoder decoder, LoraConfig config, AdapterState? previous, Generator generator)
    {
        using var scope = NewDisposeScope();
        return new RememberingTuning(TunedPairs.StartOf(decoder, config, previous, generator));
    }

    public AdapterState FinishTask(LoraConfig config, Tuning tuned, AdapterState? previous)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return new AdapterState(config, this, (previous?.TaskIndex ?? 0) + 1, [.. tuned.Lora.Pairs.Select((pair, index) =>
        {
            var last = previous?.Sites[index];
            var (a, b) = (pair.A.detach(), pair.B.detach());
            var first = last?.Tensors[FirstA] ?? ((RememberingTuning)tuned).StartA[index];
            return new AdapterSite(pair.Site, new Dictionary<string, Tensor>
            {
                [FirstA] = first.clone(),
                [StateTensor.FineTunedA] = a.clone(),
                [StateTensor.FineTunedB] = b.clone(),
                [StateTensor.MergedA] = last is null ? a.clone() : Largest(last.Tensors[StateTensor.MergedA], a, first),
                [StateTensor.MergedB] = last is null ? b.clone() : Largest(last.BMerged, b, zeros_like(b)),
            });
        })]);
    }

    public (Tensor A, Tensor B) Serve(AdapterSite site) => (site.Tensors[StateTensor.MergedA].clone(), site.BMerged.clone());

    /// <summary>Of each entry, whichever lies farther from <paramref name="origin"/>.</summary>
    internal static Tensor Largest(Tensor merged, Tensor tuned, Tensor origin) => where(tuned.sub(origin).abs().gt(merged.sub(origin).abs()), tuned, merged);
}
