using ContinualService.Engine.Data;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>
/// Online EWC (Kirkpatrick et al. 2017; Schwarz et al. 2018) on the entries of A and B: one LoRA, tuned on from where it stands, with
/// loss = CE + lambda / 2 sum_j F_j (theta_j - theta*_j)^2, theta* being where the task started. Keeps 2|A| + 2|B|.
/// After a task F = decay F_before + F_new. F_new is the empirical Fisher information at the tuned weights: the mean, over at most <c>fisherRows</c> evenly spaced training rows,
/// of the squared gradient of the row's own negative log-likelihood (the sum over its trained tokens, without dropout).
/// </summary>
public sealed class Ewc : IContinualMethod
{
    private readonly double _lambda;
    private readonly double _decay;
    private readonly int _fisherRows;

    public Ewc(MethodOptions? options = null)
    {
        Options = options ?? new MethodOptions(
            MethodOption.Number("lambda", 100, 0, 1e9), MethodOption.Number("decay", 0.95, 0, 1), MethodOption.Whole("fisherRows", 200, 1, 1_000_000));
        (_lambda, _decay, _fisherRows) = (Options.Number("lambda"), Options.Number("decay"), (int)Options.Number("fisherRows"));
    }

    public string Name => "ewc";

    public MethodOptions Options { get; }

    public IReadOnlyList<StateTensor> Layout(LoraConfig config, LinearSite site, int taskIndex) => Importance.Layout(config, site);

    public Tuning StartTask(Decoder decoder, LoraConfig config, AdapterState? previous, Generator generator)
    {
        using var scope = NewDisposeScope();
        return new FisherTuning(TunedPairs.StartOf(decoder, config, previous, generator), previous, decoder.Device, _lambda, _fisherRows);
    }

    public AdapterState FinishTask(LoraConfig config, Tuning tuned, AdapterState? previous)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fisher = ((FisherTuning)tuned).Fisher; // [P]
        if (previous is not null) fisher = fisher.add(Importance.Flat(previous, fisher.device), alpha: _decay);
        long offset = 0;
        List<AdapterSite> sites = [];
        foreach (var pair in tuned.Lora.Pairs) sites.Add(new AdapterSite(pair.Site, Importance.Entries(pair, fisher, ref offset)));
        return new AdapterState(config, this, (previous?.TaskIndex ?? 0) + 1, sites);
    }

    public (Tensor A, Tensor B) Serve(AdapterSite site) => (site.AFineTuned.clone(), site.BFineTuned.clone());

    internal sealed class FisherTuning : Tuning
    {
        private readonly Tensor? _omega; // [P]
        private readonly Tensor _anchor; // [P]
        private readonly double _lambda;
        private readonly int _fisherRows;

        public FisherTuning(LoraWeights lora, AdapterState? previous, Device device, double lambda, int fisherRows)
            : base(lora)
        {
            (_lambda, _fisherRows) = (lambda, fisherRows);
            _omega = previous is null || lambda == 0 ? null : Keep(Importance.Flat(previous, device));
            _anchor = Keep(LiveParameters.Flatten(Trained, device));
            Fisher = Keep(zeros_like(_anchor));
        }

        /// <summary>[P]: F_new, once training is over.</summary>
        public Tensor Fisher { get; }

        internal override Tensor? AfterBackward(LiveParameters live, int step) => _omega is null ? null : QuadraticPenalty.AddTo(live, _omega, _anchor, _lambda / 2);

        internal override void AfterTraining(Decoder decoder, IReadOnlyList<EncodedExample> rows, CancellationToken cancellationToken)
        {
            using var live = new LiveParameters(this, decoder.Device);
            var trained = rows.Where(row => Trainer.LabelledTokens(row) > 0).ToList();
            var count = Math.Min(_fisherRows, trained.Count);
            for (var index = 0; index < count; index++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                live.Gradient.zero_();
                // Divided by one token: the row's whole answer is one observation.
                Trainer.Backward(decoder, Update(live, null), [trained[(int)((long)index * trained.Count / count)]], 1);
                using var noGrad = no_grad();
                Fisher.addcmul_(live.Gradient, live.Gradient, 1.0 / count);
            }
        }
    }
}
