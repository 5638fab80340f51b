using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>
/// C-LoRA (arXiv 2502.17920): one pair with a routing matrix between its halves, dW = s B (R_old + R_delta) A, R_old without gradient. Loss = CE + lambda |R_old^T R_delta|_F^2
/// summed over the layers; after a task R_old += R_delta, and R_delta begins at 0 again. The first task trains A, B and R from R_old = I, and without the penalty: there is nothing to
/// protect yet. Afterwards A and B stay trainable, or (<c>train: routing</c>) only R_delta is. Keeps |A| + |B| + R^2; serves A and B R_old.
/// </summary>
public sealed class CLora : IContinualMethod
{
    private const string Routing = "routing"; // [R, R]: R_old

    private readonly double _lambda;
    private readonly bool _trainsPairs;

    public CLora(MethodOptions? options = null)
    {
        Options = options ?? new MethodOptions(MethodOption.Number("lambda", 1, 0, 1e9), MethodOption.Choice("train", "all", "routing"));
        (_lambda, _trainsPairs) = (Options.Number("lambda"), Options.Choice("train") == "all");
    }

    public string Name => "c-lora";

    public MethodOptions Options { get; }

    public IReadOnlyList<StateTensor> Layout(LoraConfig config, LinearSite site, int taskIndex)
    {
        var rank = config.RankOf(site.Path);
        return [StateTensor.LikeA(StateTensor.FineTunedA, config, site), StateTensor.LikeB(StateTensor.FineTunedB, config, site), new StateTensor(Routing, rank, rank)];
    }

    public Tuning StartTask(Decoder decoder, LoraConfig config, AdapterState? previous, Generator generator)
    {
        using var scope = NewDisposeScope();
        var lora = TunedPairs.StartOf(decoder, config, previous, generator);
        List<Tensor> deltas = [.. lora.Pairs.Select(pair => zeros(pair.A.shape[0], pair.A.shape[0], Precision.Master, decoder.Device))];
        List<Tensor> old = [.. lora.Pairs.Select((pair, index) => previous?.Sites[index].Tensors[Routing].clone() ?? eye(pair.A.shape[0], dtype: Precision.Master, device: decoder.Device))];
        return new RoutedTuning(lora, deltas, old, previous is null || _trainsPairs, previous is null ? 0 : _lambda);
    }

    public AdapterState FinishTask(LoraConfig config, Tuning tuned, AdapterState? previous)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var routed = (RoutedTuning)tuned;
        return new AdapterState(config, this, (previous?.TaskIndex ?? 0) + 1, [.. tuned.Lora.Pairs.Select((pair, index) => new AdapterSite(pair.Site, new Dictionary<string, Tensor>
        {
            [StateTensor.FineTunedA] = pair.A.detach().clone(),
            [StateTensor.FineTunedB] = pair.B.detach().clone(),
            [Routing] = routed.Old[index].add(routed.Deltas[index]),
        }))]);
    }

    public (Tensor A, Tensor B) Serve(AdapterSite site) =>
        (site.AFineTuned.clone(), site.BFineTuned.to(Precision.Merge).mm(site.Tensors[Routing].to(Precision.Merge)).to(Precision.Master));

    internal sealed class RoutedTuning : Tuning
    {
        private readonly double _lambda;
        private readonly Dictionary<int, int> _bySite;

        public RoutedTuning(LoraWeights lora, IReadOnlyList<Tensor> deltas, IReadOnlyList<Tensor> old, bool trainsPairs, double lambda)
            : base(lora, [.. trainsPairs ? lora.Pairs.SelectMany(pair => new[] { pair.A, pair.B }) : [], .. deltas])
        {
            (Deltas, Old, _lambda) = ([.. deltas.Select(Keep)], [.. old.Select(Keep)], lambda);
            _bySite = lora.Pairs.Select((pair, index) => (pair.Site.Index, index)).ToDictionary();
        }

        /// <summary>R_delta of each pair, [R, R].</summary>
        public IReadOnlyList<Tensor> Deltas { get; }

        /// <summary>R_old of each pair, [R, R].</summary>
        public IReadOnlyList<Tensor> Old { get; }

        internal override LinearUpdate Update(LiveParameters live, LoraDropout? dropout) => new RoutedUpdate(this, live, dropout);

        internal override Tensor? AfterBackward(LiveParameters live, int step)
        {
            if (_lambda == 0) return null;
            using var scope = NewDisposeScope();
            var total = zeros(1, Precision.Master, live.Weights.device);
            foreach (var (start, old) in Deltas.Zip(Old))
            {
                var delta = live[start];
                var overlap = old.t().mm(delta); // [R, R]
                total.add_(overlap.square().sum(), alpha: _lambda);
                delta.grad!.add_(old.mm(overlap), alpha: 2 * _lambda);
            }

            return total.MoveToOuterDisposeScope();
        }

        private sealed class RoutedUpdate(RoutedTuning tuning, LiveParameters live, LoraDropout? dropout) : LinearUpdate
        {
            internal override int FirstSite => live.Lora.FirstSite;

            internal override Tensor AddTo(Tensor y, Tensor x, int site)
            {
                if (live.Lora.At(site) is not { } pair) return y;
                var index = tuning._bySite[site];
                var routing = tuning.Old[index].add(live[tuning.Deltas[index]]).to(x.dtype); // [R, R]
                var down = LoraProduct.Down(pair, dropout?.Apply(x, site) ?? x); // [N, R]
                return LoraProduct.AddUp(pair, nn.functional.linear(down, routing), y);
            }
        }
    }
}
