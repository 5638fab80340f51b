using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>
/// OPCM, orthogonal projection-based continual merging (arXiv 2501.09522), on dW = B A. Every task tunes a fresh LoRA on the base; then, with U S V^T the singular value decomposition of
/// the merged M of the tasks before:
/// <list type="number">
/// <item>r is the least number of singular values that make up <c>alpha</c> of their sum; U_r, V_r are their vectors.</item>
/// <item>P = dW - U_r U_r^T dW V_r V_r^T: the new change without its part in the top block.</item>
/// <item>N = k_before M + P, and M = N / k with k = |N|_F / mean of |dW_i|_F over all tasks: the merged change is as large as one task's on average.</item>
/// </list>
/// M is kept as a pair. With <c>rank: full</c> nothing of it is lost and its rank, kept and served, is T R: memory grows as T (|A| + |B|), and two numbers (k and the mean).
/// With <c>rank: fixed</c> it is cut to its R largest singular values after every task: |A| + |B| and the two numbers. The paper merges full weights and has no such choice.
/// </summary>
public sealed class Opcm : IContinualMethod
{
    private const string Numbers = "k_and_norm"; // [1, 2]: k, mean of |dW_i|_F

    private readonly double _alpha;
    private readonly bool _grows;

    public Opcm(MethodOptions? options = null)
    {
        Options = options ?? new MethodOptions(MethodOption.Number("alpha", 0.5, 0, 1), MethodOption.Choice("rank", "full", "fixed"));
        (_alpha, _grows) = (Options.Number("alpha"), Options.Choice("rank") == "full");
    }

    public string Name => "opcm";

    public MethodOptions Options { get; }

    public bool HasConstantMemory => !_grows;

    public IReadOnlyList<StateTensor> Layout(LoraConfig config, LinearSite site, int taskIndex) =>
    [
        StateTensor.LikeA(StateTensor.MergedA, config, site, _grows ? taskIndex : 1),
        StateTensor.LikeB(StateTensor.MergedB, config, site, _grows ? taskIndex : 1),
        new StateTensor(Numbers, 1, 2),
    ];

    public LoraConfig ServedConfig(LoraConfig config, int taskIndex) => _grows ? config.Stacked(taskIndex) : config;

    public Tuning StartTask(Decoder decoder, LoraConfig config, AdapterState? previous, Generator generator) => new(LoraWeights.CreateFresh(decoder, config, generator));

    public AdapterState FinishTask(LoraConfig config, Tuning tuned, AdapterState? previous)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var taskIndex = (previous?.TaskIndex ?? 0) + 1;
        return new AdapterState(config, this, taskIndex, [.. tuned.Lora.Pairs.Select((pair, index) => new AdapterSite(
            pair.Site, previous is null ? First(pair) : Merge(previous.Sites[index], pair, taskIndex)))]);
    }

    public (Tensor A, Tensor B) Serve(AdapterSite site) => (site.Tensors[StateTensor.MergedA].clone(), site.BMerged.clone());

    private static Dictionary<string, Tensor> First(LoraPair pair) => new()
    {
        [StateTensor.MergedA] = pair.A.detach().clone(),
        [StateTensor.MergedB] = pair.B.detach().clone(),
        [Numbers] = Pack(1, LowRank.Of(Wide(pair.B), Wide(pair.A)).Norm, pair.A.device),
    };

    private Dictionary<string, Tensor> Merge(AdapterSite last, LoraPair pair, int taskIndex)
    {
        var (a, b) = (Wide(pair.A), Wide(pair.B)); // [R, in], [out, R]
        var (lastA, lastB) = (Wide(last.Tensors[StateTensor.MergedA]), Wide(last.BMerged)); // [K, in], [out, K]
        var numbers = last.Tensors[Numbers].cpu().data<float>().ToArray();

        // Step 1: the top block.
        var merged = LowRank.Of(lastB, lastA);
        var top = merged.RankOfShare(_alpha);
        var (u, v) = (merged.U.narrow(1, 0, top), merged.V.narrow(1, 0, top)); // [out, r], [in, r]

        // Step 2: project. Step 3: add and rescale; side by side, so that no [out, in] matrix is made.
        var block = u.t().mm(b).mm(a.mm(v)); // [r, r]
        var sum = LowRank.Of(cat([lastB.mul(numbers[0]), b, u.mm(block).neg()], 1), cat([lastA, a, v.t()], 0));
        var mean = numbers[1] + (LowRank.Of(b, a).Norm - numbers[1]) / taskIndex;
        var k = sum.Norm > 0 && mean > 0 ? sum.Norm / mean : 1;
        var (nextB, nextA) = sum.Pair((int)pair.A.shape[0] * (_grows ? taskIndex : 1), 1 / k);
        return new()
        {
            [StateTensor.MergedA] = nextA.to(Precision.Master).to(pair.A.device),
            [StateTensor.MergedB] = nextB.to(Precision.Master).to(pair.A.device),
            [Numbers] = Pack(k, mean, pair.A.device),
        };
    }

    // On the CPU whatever the device: one LAPACK, one result.
    private static Tensor Wide(Tensor tensor) => tensor.detach().to(CPU).to(Precision.Merge);

    private static Tensor Pack(double k, double mean, Device device) => tensor([(float)k, (float)mean]).view(1, 2).to(device);
}
