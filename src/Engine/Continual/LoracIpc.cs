using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>
/// LoRAC-IPC (arXiv 2504.13407): every task trains a fresh LoRA on top of the frozen ones of the tasks before, and the weight of each, dW = s sum_{i&lt;=t} w_i B_i A_i, one w_i for each layer
/// and task, 1 at its beginning and trained on in every later task. Loss = CE + ortho sum over layers |S S^T - I|_F, S being A_1 to A_t above one another, the earlier ones without gradient.
/// Important parameters are constrained by freezing: after a task the layers with the highest score, <c>freeze</c> of all (rounded up; one layer always stays trainable), are closed for good:
/// later tasks add nothing there and leave its w alone. Keeps T (|A| + |B| + 1) + 1, and serves rank T R.
/// </summary>
/// <remarks>
/// The score is the mean over A plus the mean over B of Ibar * Ubar, where in every step I = |theta g| with g the gradient of the cross-entropy (|g| where theta is exactly 0, as all of B is
/// at first), Ibar = beta1 Ibar + (1 - beta1) I and Ubar = beta2 Ubar + (1 - beta2) |I - Ibar|, both 0 at the task's beginning.
/// </remarks>
public sealed class LoracIpc : IKeepsTasks
{
    private const string Weights = "w"; // [1, T]
    private const string Closed = "closed"; // [1, 1]: 1 where the layer is frozen for good

    private readonly double _ortho;
    private readonly double _freeze;
    private readonly double _beta1;
    private readonly double _beta2;

    public LoracIpc(MethodOptions? options = null)
    {
        Options = options ?? new MethodOptions(
            MethodOption.Number("ortho", 0.1, 0, 1e6), MethodOption.Number("freeze", 0.05, 0, 1), MethodOption.Number("beta1", 0.85, 0, 0.9999), MethodOption.Number("beta2", 0.85, 0, 0.9999));
        (_ortho, _freeze, _beta1, _beta2) = (Options.Number("ortho"), Options.Number("freeze"), Options.Number("beta1"), Options.Number("beta2"));
    }

    public string Name => "lorac-ipc";

    public MethodOptions Options { get; }

    public bool HasConstantMemory => false;

    public IReadOnlyList<StateTensor> Layout(LoraConfig config, LinearSite site, int taskIndex) =>
        [.. PairStack.Layout(config, site, taskIndex), new StateTensor(Weights, 1, taskIndex), new StateTensor(Closed, 1, 1)];

    public LoraConfig ServedConfig(LoraConfig config, int taskIndex) => config.Stacked(taskIndex);

    public Tuning StartTask(Decoder decoder, LoraConfig config, AdapterState? previous, Generator generator)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var lora = LoraWeights.CreateFresh(decoder, config, generator);
        var one = ones(1, 1, Precision.Master, decoder.Device);
        List<Tensor> weights = [.. lora.Pairs.Select((_, index) => previous is null ? one.clone() : cat([previous.Sites[index].Tensors[Weights], one], 1))]; // [1, T]
        List<int> open = [.. Enumerable.Range(0, lora.Pairs.Count).Where(index => previous is null || !IsClosed(previous.Sites[index]))];
        foreach (var index in Enumerable.Range(0, lora.Pairs.Count).Except(open)) lora.Pairs[index].A.zero_();
        return new ConstrainedTuning(lora, previous, weights, open, this);
    }

    public AdapterState FinishTask(LoraConfig config, Tuning tuned, AdapterState? previous)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var constrained = (ConstrainedTuning)tuned;
        var closing = Closing(constrained);
        return new AdapterState(config, this, (previous?.TaskIndex ?? 0) + 1, [.. tuned.Lora.Pairs.Select((pair, index) => new AdapterSite(
            pair.Site,
            new Dictionary<string, Tensor>(PairStack.Append(previous?.Sites[index], pair))
            {
                [Weights] = constrained.Weights[index].detach().clone(),
                [Closed] = full(1, 1, !constrained.Open.Contains(index) || closing.Contains(index) ? 1 : 0, Precision.Master, pair.A.device),
            }))]);
    }

    /// <inheritdoc/>
    /// <remarks>The w of the others, and the layers that were closed, stay as later tasks left them.</remarks>
    public AdapterState Without(AdapterState state, int task) => PairStack.Without(state, task, Weights);

    public (Tensor A, Tensor B) Serve(AdapterSite site)
    {
        var (a, weights) = (site.Tensors[PairStack.StackedA], site.Tensors[Weights]);
        return (a.clone(), site.Tensors[PairStack.StackedB].mul(weights.repeat_interleave(a.shape[0] / weights.shape[1], 1))); // [out, T R]
    }

    internal static bool IsClosed(AdapterSite site) => site.Tensors[Closed].item<float>() != 0;

    /// <summary>The open layers to close now: those of the highest score, the earlier one first where two are equal.</summary>
    private HashSet<int> Closing(ConstrainedTuning tuned)
    {
        var count = Math.Min((int)Math.Ceiling(_freeze * tuned.Lora.Pairs.Count), tuned.Open.Count - 1);
        var scores = tuned.Scores();
        return [.. tuned.Open.OrderByDescending(index => scores[index]).Take(count)];
    }

    internal sealed class ConstrainedTuning : StackedTuning
    {
        private readonly LoracIpc _method;
        private readonly Dictionary<int, int> _bySite;
        private readonly long _entries;

        public ConstrainedTuning(LoraWeights lora, AdapterState? previous, IReadOnlyList<Tensor> weights, IReadOnlyList<int> open, LoracIpc method)
            : base(lora, previous, [.. open.SelectMany(index => new[] { lora.Pairs[index].A, lora.Pairs[index].B }), .. open.Select(index => weights[index])])
        {
            (_method, Open, Weights) = (method, open, [.. weights.Select(Keep)]);
            _bySite = lora.Pairs.Select((pair, index) => (pair.Site.Index, index)).ToDictionary();
            _entries = open.Sum(index => lora.Pairs[index].A.numel() + lora.Pairs[index].B.numel());
            Statistics = Keep(zeros(2 * _entries, Precision.Master, lora.Pairs[0].A.device));
        }

        /// <summary>Numbers of the pairs that are trained.</summary>
        public IReadOnlyList<int> Open { get; }

        /// <summary>w of each pair, [1, T].</summary>
        public IReadOnlyList<Tensor> Weights { get; }

        /// <summary>Ibar, then Ubar, each [entries of A and B of the open pairs].</summary>
        internal override Tensor Statistics { get; }

        /// <summary>By the number of an open pair.</summary>
        public Dictionary<int, double> Scores()
        {
            using var scope = NewDisposeScope();
            var score = Statistics.narrow(0, 0, _entries).mul(Statistics.narrow(0, _entries, _entries));
            var (scores, offset) = (new Dictionary<int, double>(), 0L);
            foreach (var index in Open)
            {
                var pair = Lora.Pairs[index];
                scores[index] = Mean(pair.A.numel()) + Mean(pair.B.numel());
            }

            return scores;

            double Mean(long count)
            {
                var mean = score.narrow(0, offset, count).to(Precision.Merge).mean().item<double>();
                offset += count;
                return mean;
            }
        }

        internal override Tensor? AfterBackward(LiveParameters live, int step)
        {
            using var scope = NewDisposeScope();
            Count(live.Weights.narrow(0, 0, _entries), live.Gradient.narrow(0, 0, _entries));
            if (_method._ortho == 0) return null;
            var total = zeros(1, Precision.Master, live.Weights.device);
            foreach (var index in Open)
            {
                var a = live.Lora.Pairs[index].A; // [R, in]
                var bases = Past.Count == 0 ? a : cat([Past[index].A, a], 0); // [T R, in]: S
                var excess = bases.mm(bases.t()).sub(eye(bases.shape[0], dtype: bases.dtype, device: bases.device)); // [T R, T R]
                var norm = excess.norm();
                total.add_(norm, alpha: _method._ortho);
                // d|E|_F / dS = 2 E S / |E|_F, of the new rows alone; 0 where E is 0.
                var rows = excess.narrow(0, bases.shape[0] - a.shape[0], a.shape[0]); // [R, T R]
                a.grad!.add_(rows.mm(bases).div(norm.clamp_min(1e-12)), alpha: 2 * _method._ortho);
            }

            return total.MoveToOuterDisposeScope();
        }

        private protected override Tensor? Gains(LiveParameters live, int site)
        {
            var index = _bySite[site];
            return live[Weights[index]].repeat_interleave(Lora.Pairs[index].A.shape[0], 1); // [1, T R]
        }

        private void Count(Tensor theta, Tensor gradient)
        {
            var (mean, uncertainty) = (Statistics.narrow(0, 0, _entries), Statistics.narrow(0, _entries, _entries));
            var importance = where(theta.eq(0), gradient, theta.mul(gradient)).abs();
            mean.mul_(_method._beta1).add_(importance, alpha: 1 - _method._beta1);
            uncertainty.mul_(_method._beta2).add_(importance.sub(mean).abs_(), alpha: 1 - _method._beta2);
        }
    }
}
