using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>
/// O-LoRA (arXiv 2310.14152): <see cref="IncLora"/> that keeps each task's A away from the row spaces of those before. Loss = CE + lambda sum_i |A_i A_t^T|_1 over all layers,
/// with the sum of absolute values, as the authors' program has it (their text squares). Keeps T (|A| + |B|).
/// </summary>
public sealed class OLora : IKeepsTasks
{
    private readonly double _lambda;

    public OLora(MethodOptions? options = null)
    {
        Options = options ?? new MethodOptions(MethodOption.Number("lambda", 0.5, 0, 1e6));
        _lambda = Options.Number("lambda");
    }

    public string Name => "o-lora";

    public MethodOptions Options { get; }

    public bool HasConstantMemory => false;

    public IReadOnlyList<StateTensor> Layout(LoraConfig config, LinearSite site, int taskIndex) => PairStack.Layout(config, site, taskIndex);

    public LoraConfig ServedConfig(LoraConfig config, int taskIndex) => config.Stacked(taskIndex);

    public Tuning StartTask(Decoder decoder, LoraConfig config, AdapterState? previous, Generator generator) =>
        Tune(LoraWeights.CreateFresh(decoder, config, generator), previous);

    public AdapterState FinishTask(LoraConfig config, Tuning tuned, AdapterState? previous) => PairStack.Finish(this, config, tuned, previous);

    public AdapterState Without(AdapterState state, int task) => PairStack.Without(state, task);

    public (Tensor A, Tensor B) Serve(AdapterSite site) => PairStack.Serve(site);

    internal Tuning Tune(LoraWeights lora, AdapterState? previous) => new OrthogonalTuning(lora, previous, _lambda);

    private sealed class OrthogonalTuning(LoraWeights lora, AdapterState? previous, double lambda) : StackedTuning(lora, previous)
    {
        internal override Tensor? AfterBackward(LiveParameters live, int step)
        {
            if (Past.Count == 0 || lambda == 0) return null;
            using var scope = NewDisposeScope();
            var total = zeros(1, Precision.Master, live.Weights.device);
            foreach (var (pair, past) in live.Lora.Pairs.Zip(Past))
            {
                var overlap = past.A.mm(pair.A.t()); // [T R, R]: A_i A_t^T of all i
                total.add_(overlap.abs().sum(), alpha: lambda);
                pair.A.grad!.add_(overlap.sign().t().mm(past.A), alpha: lambda); // [R, in]
            }

            return total.MoveToOuterDisposeScope();
        }
    }
}
