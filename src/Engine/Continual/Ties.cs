using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>
/// TIES merging (arXiv 2306.01708) of A and B: every task starts from the same fresh pair theta_0 (its B is 0), and theta_0 + scale TIES(tau_1, ..., tau_T) serves, tau_t = theta_t - theta_0:
/// <list type="number">
/// <item>Trim: of each matrix of each task keep the <c>density</c> entries of largest magnitude, the others become 0.</item>
/// <item>Elect: the sign of an entry is that of the sum over the tasks; a sum of 0 gives 0.</item>
/// <item>Merge: the mean of those that are not 0 and have the elected sign.</item>
/// </list>
/// One task alone is served whole: there is nothing to resolve. All task vectors are needed: keeps |A| + T (|A| + |B|), and serves rank R.
/// </summary>
public sealed class Ties : IKeepsTasks
{
    private const string FirstA = "a_init"; // theta_0's A; its B is 0

    private readonly double _density;
    private readonly double _scale;

    public Ties(MethodOptions? options = null)
    {
        Options = options ?? new MethodOptions(MethodOption.Number("density", 0.2, 0.001, 1), MethodOption.Number("scale", 1, 0, 10));
        (_density, _scale) = (Options.Number("density"), Options.Number("scale"));
    }

    public string Name => "ties";

    public MethodOptions Options { get; }

    public bool HasConstantMemory => false;

    public IReadOnlyList<StateTensor> Layout(LoraConfig config, LinearSite site, int taskIndex) => [StateTensor.LikeA(FirstA, config, site), .. PairStack.Layout(config, site, taskIndex)];

    public Tuning StartTask(Decoder decoder, LoraConfig config, AdapterState? previous, Generator generator)
    {
        using var scope = NewDisposeScope();
        var lora = previous is null
            ? LoraWeights.CreateFresh(decoder, config, generator)
            : TunedPairs.Create(config, previous.Sites, site => (site.Tensors[FirstA].clone(), zeros(site.Site.OutFeatures, site.Tensors[FirstA].shape[0], Precision.Master, decoder.Device)));
        return new RememberingTuning(lora);
    }

    public AdapterState FinishTask(LoraConfig config, Tuning tuned, AdapterState? previous)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return new AdapterState(config, this, (previous?.TaskIndex ?? 0) + 1, [.. tuned.Lora.Pairs.Select((pair, index) => new AdapterSite(
            pair.Site, new Dictionary<string, Tensor>(PairStack.Append(previous?.Sites[index], pair)) { [FirstA] = ((RememberingTuning)tuned).StartA[index].clone() }))]);
    }

    /// <inheritdoc/>
    /// <remarks>The merge of the others is recomputed whenever it is served.</remarks>
    public AdapterState Without(AdapterState state, int task) => PairStack.Without(state, task);

    public (Tensor A, Tensor B) Serve(AdapterSite site)
    {
        var first = site.Tensors[FirstA]; // [R, in]
        var (rank, tasks) = (first.shape[0], site.Tensors[PairStack.StackedA].shape[0] / first.shape[0]);
        var a = site.Tensors[PairStack.StackedA].view(tasks, rank, -1); // [T, R, in]
        var b = site.Tensors[PairStack.StackedB].view(-1, tasks, rank).permute(1, 0, 2); // [T, out, R]
        return tasks == 1
            ? (a[0].clone(), b[0].clone())
            : (first.add(Resolve(a.sub(first), _density), alpha: _scale), Resolve(b, _density).mul(_scale));
    }

    /// <summary>TIES of the task vectors of one matrix, [T, ...] to [...].</summary>
    internal static Tensor Resolve(Tensor vectors, double density)
    {
        using var scope = NewDisposeScope();
        var flat = vectors.reshape(vectors.shape[0], -1); // [T, n]
        var kept = (long)Math.Ceiling(density * flat.shape[1]);
        var threshold = flat.abs().topk((int)kept, 1).values.narrow(1, kept - 1, 1); // [T, 1]
        var trimmed = where(flat.abs().ge(threshold), flat, zeros_like(flat)); // [T, n]
        var sign = trimmed.sum(0L).sign(); // [n]
        var agrees = trimmed.sign().eq(sign).logical_and(trimmed.ne(0)); // [T, n]
        var merged = where(agrees, trimmed, zeros_like(trimmed)).sum(0L).div(agrees.sum(0L).clamp_min(1)); // [n]
        return merged.view(vectors.shape[1..]).MoveToOuterDisposeScope();
    }
}
