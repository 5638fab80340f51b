using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>
/// IncLoRA: every task trains a fresh LoRA on top of the frozen ones of the tasks before, and the sum serves: dW = s sum_i B_i A_i. Keeps T (|A| + |B|), and the served
/// rank is T R.
/// </summary>
public sealed class IncLora(MethodOptions? options = null) : IKeepsTasks
{
    public string Name => "inclora";

    public MethodOptions Options { get; } = options ?? new MethodOptions();

    public bool HasConstantMemory => false;

    public IReadOnlyList<StateTensor> Layout(LoraConfig config, LinearSite site, int taskIndex) => PairStack.Layout(config, site, taskIndex);

    public LoraConfig ServedConfig(LoraConfig config, int taskIndex) => config.Stacked(taskIndex);

    public Tuning StartTask(Decoder decoder, LoraConfig config, AdapterState? previous, Generator generator) =>
        new StackedTuning(LoraWeights.CreateFresh(decoder, config, generator), previous);

    public AdapterState FinishTask(LoraConfig config, Tuning tuned, AdapterState? previous) => PairStack.Finish(this, config, tuned, previous);

    public AdapterState Without(AdapterState state, int task) => PairStack.Without(state, task);

    public (Tensor A, Tensor B) Serve(AdapterSite site) => PairStack.Serve(site);
}
