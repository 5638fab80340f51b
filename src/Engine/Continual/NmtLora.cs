using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>
/// The gradient-based regularisation of "Continual learning for NMT with LoRA" (arXiv 2512.09910): one LoRA, tuned on from where it stands, with
/// loss = CE + lambda sum_j Omega_j (theta_j - theta*_j)^2 over the entries of A and B, theta* being where the task started. Omega is the sum over earlier tasks of the mean, over the
/// task's steps, of the squared gradient of the step's cross-entropy (before clipping, without the penalty). Keeps 2|A| + 2|B|.
/// </summary>
/// <remarks>
/// The paper's mixture at inference, W0 + sum_i c_i (alpha / r) B_i A_i with the c_i from the caller, is <see cref="LoraMixture"/> of versions: the pair of task i is what version i serves, and
/// versions stay. With <c>keepPairs</c> every state holds the pairs of all tasks as well (<c>a_tasks</c>, <c>b_tasks</c>), and memory grows by T (|A| + |B|).
/// </remarks>
public sealed class NmtLora : IContinualMethod
{
    private readonly double _lambda;
    private readonly bool _keepsPairs;

    public NmtLora(MethodOptions? options = null)
    {
        Options = options ?? new MethodOptions(MethodOption.Number("lambda", 1000, 0, 1e9), MethodOption.Flag("keepPairs", false));
        (_lambda, _keepsPairs) = (Options.Number("lambda"), Options.Flag("keepPairs"));
    }

    public string Name => "nmt-lora";

    public MethodOptions Options { get; }

    public bool HasConstantMemory => !_keepsPairs;

    public IReadOnlyList<StateTensor> Layout(LoraConfig config, LinearSite site, int taskIndex) =>
        [.. Importance.Layout(config, site), .. _keepsPairs ? PairStack.Layout(config, site, taskIndex) : []];

    public Tuning StartTask(Decoder decoder, LoraConfig config, AdapterState? previous, Generator generator)
    {
        using var scope = NewDisposeScope();
        return new GradientTuning(TunedPairs.StartOf(decoder, config, previous, generator), previous, decoder.Device, _lambda);
    }

    public AdapterState FinishTask(LoraConfig config, Tuning tuned, AdapterState? previous)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var omega = tuned.Statistics!; // [P]
        if (previous is not null) omega = omega.add(Importance.Flat(previous, omega.device));
        long offset = 0;
        List<AdapterSite> sites = [];
        foreach (var (pair, index) in tuned.Lora.Pairs.Select((pair, index) => (pair, index)))
        {
            var tensors = Importance.Entries(pair, omega, ref offset);
            if (_keepsPairs) foreach (var (name, stack) in PairStack.Append(previous?.Sites[index], pair)) tensors[name] = stack;
            sites.Add(new AdapterSite(pair.Site, tensors));
        }

        return new AdapterState(config, this, (previous?.TaskIndex ?? 0) + 1, sites);
    }

    public (Tensor A, Tensor B) Serve(AdapterSite site) => (site.AFineTuned.clone(), site.BFineTuned.clone());

    private sealed class GradientTuning : Tuning
    {
        private readonly Tensor? _omega; // [P]
        private readonly Tensor _anchor; // [P]
        private readonly double _lambda;

        public GradientTuning(LoraWeights lora, AdapterState? previous, Device device, double lambda)
            : base(lora)
        {
            _lambda = lambda;
            _omega = previous is null || lambda == 0 ? null : Keep(Importance.Flat(previous, device));
            _anchor = Keep(LiveParameters.Flatten(Trained, device));
            Statistics = Keep(zeros_like(_anchor));
        }

        /// <summary>[P]: mean squared gradient of the steps so far.</summary>
        internal override Tensor Statistics { get; }

        internal override Tensor? AfterBackward(LiveParameters live, int step)
        {
            using var scope = NewDisposeScope();
            // A running mean: the same however many steps there will be, and wherever the run is cut.
            Statistics.add_(live.Gradient.square().sub_(Statistics), alpha: 1.0 / step);
            return _omega is null ? null : QuadraticPenalty.AddTo(live, _omega, _anchor, _lambda).MoveToOuterDisposeScope();
        }
    }
}
