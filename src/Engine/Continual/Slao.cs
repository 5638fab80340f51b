using ContinualService.Domain.Previews;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>
/// SLAO, "Merge before Forget" (arXiv 2512.23017, algorithm 1): a task starts from an orthonormal basis of the last A and from the last
/// fine-tuned B (not the merged one); afterwards A is replaced and B is merged with a weight that falls with the square root of the task's number.
/// Keeps |A| + 2|B|. Its options are the paper's ablations:
/// <list type="bullet">
/// <item><c>init</c>, where a task starts: the last fine-tune, the merged pair, or a fresh one (random A, zero B).</item>
/// <item><c>merge</c>, what is tuned (FT) or frozen (FRE) from the second task on, and what is merged (M); all but <c>slao</c> start without the orthonormal basis.
/// The first task tunes both whatever it says: a frozen zero B would learn nothing. Merging A keeps one more |A|.</item>
/// </list></summary>
public sealed class Slao : IAffineMerge
{
    private readonly string _init;
    private readonly bool _orthonormal;
    private readonly bool _freezesA;
    private readonly bool _freezesB;
    private readonly bool _mergesA;
    private readonly bool _mergesB;

    public Slao(MethodOptions? options = null)
    {
        Options = options ?? new MethodOptions(
            MethodOption.Choice("init", "last-fine-tune", "last-merge", "random"),
            MethodOption.Choice("merge", "slao", "freb-ma", "frea-mb", "ftba-ma", "ftba-mba", "ftba-mb"));
        _init = Options.Choice("init");
        var merge = Options.Choice("merge");
        _orthonormal = merge == "slao" && _init != "random";
        (_freezesA, _freezesB) = (merge == "frea-mb", merge == "freb-ma");
        (_mergesA, _mergesB) = (merge is "freb-ma" or "ftba-ma" or "ftba-mba", merge is "slao" or "frea-mb" or "ftba-mba" or "ftba-mb");
    }

    public string Name => "slao";

    public MethodOptions Options { get; }

    /// <summary>1 / sqrt(i): 1 for the first task, so that one path serves every task; no floor and no clamp.</summary>
    public double Lambda(int taskIndex) => 1 / Math.Sqrt(taskIndex);

    public IReadOnlyList<StateTensor> Layout(LoraConfig config, LinearSite site, int taskIndex)
    {
        List<StateTensor> layout =
            [StateTensor.LikeA(StateTensor.FineTunedA, config, site), StateTensor.LikeB(StateTensor.FineTunedB, config, site), StateTensor.LikeB(StateTensor.MergedB, config, site)];
        if (_mergesA) layout.Add(StateTensor.LikeA(StateTensor.MergedA, config, site));
        return layout;
    }

    public Tuning StartTask(Decoder decoder, LoraConfig config, AdapterState? previous, Generator generator)
    {
        using var scope = NewDisposeScope();
        if (previous is null) return new Tuning(LoraWeights.CreateFresh(decoder, config, generator));
        var lora = TunedPairs.Create(config, previous.Sites, site => (StartA(site, generator), StartB(site)));
        return new Tuning(lora, [.. lora.Pairs.SelectMany(pair => _freezesA ? [pair.B] : _freezesB ? new[] { pair.A } : [pair.A, pair.B])]);
    }

    public AdapterState FinishTask(LoraConfig config, Tuning tuned, AdapterState? previous) => Finish(config, TunedOf(tuned.Lora), previous?.Sites, (previous?.TaskIndex ?? 0) + 1, null);

    public AdapterState MergeAt(AdapterState finished, AdapterState previous, MergeSchedule merge, int layers) =>
        Finish(finished.Config, finished.Sites.Select(site => (site.Site, site.AFineTuned, site.BFineTuned)), previous.Sites, finished.TaskIndex, site => merge.At(site.Layer, layers));

    public (Tensor A, Tensor B) Serve(AdapterSite site) => (ServedA(site).clone(), site.BMerged.clone());

    /// <summary>The tuned B before its merge is not in a LoRA: the merged one takes its place.</summary>
    public AdapterState StateOf(LoraConfig config, LoraWeights weights, int taskIndex) => Finish(config, TunedOf(weights), null, taskIndex, null);

    /// <summary>M + lambda (M_ft - M) of either matrix, float32; without an earlier M, what lambda = 1 gives: M_ft.</summary>
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

    // Lazy: the detached handles belong into the scope of whoever reads them.
    private static IEnumerable<(LinearSite Site, Tensor A, Tensor B)> TunedOf(LoraWeights lora) => lora.Pairs.Select(pair => (pair.Site, pair.A.detach(), pair.B.detach()));

    private AdapterState Finish(LoraConfig config, IEnumerable<(LinearSite Site, Tensor A, Tensor B)> tuned, IReadOnlyList<AdapterSite>? previous, int taskIndex, Func<LinearSite, double>? lambdaOf)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return new AdapterState(config, this, taskIndex, [.. tuned.Select((pair, index) =>
        {
            var last = previous?[index];
            var weight = lambdaOf?.Invoke(pair.Site) ?? Lambda(taskIndex);
            Dictionary<string, Tensor> tensors = new()
            {
                [StateTensor.FineTunedA] = pair.A.clone(),
                [StateTensor.FineTunedB] = pair.B.clone(),
                [StateTensor.MergedB] = Merge(_mergesB ? last?.BMerged : null, pair.B, weight),
            };
            if (_mergesA) tensors[StateTensor.MergedA] = Merge(last is null ? null : ServedA(last), pair.A, weight);
            return new AdapterSite(pair.Site, tensors);
        })]);
    }

    private Tensor ServedA(AdapterSite site) => _mergesA ? site.Tensors[StateTensor.MergedA] : site.AFineTuned;

    private Tensor StartA(AdapterSite site, Generator generator)
    {
        if (_freezesA) return site.AFineTuned.clone();
        if (_init == "random") return LoraWeights.FreshA((int)site.AFineTuned.shape[0], site.Site.InFeatures, site.AFineTuned.device, generator);
        var start = _init == "last-merge" ? ServedA(site) : site.AFineTuned;
        return _orthonormal ? OrthonormalBasis.Of(start) : start.clone();
    }

    private Tensor StartB(AdapterSite site) => _freezesB ? site.BFineTuned.clone() : _init switch
    {
        "random" => zeros_like(site.BFineTuned),
        "last-merge" => site.BMerged.clone(),
        _ => site.BFineTuned.clone(),
    };
}
