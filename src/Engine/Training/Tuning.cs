using ContinualService.Engine.Data;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Training;

/// <summary>
/// What one task trains: a pair for each layer, and here plain cross-entropy. A method that trains otherwise derives from it. It lives for one task; the trainer writes
/// the result into it at the end. Owns its tensors.
/// </summary>
public class Tuning : IDisposable
{
    private readonly List<Tensor> _kept = [];

    /// <param name="lora">Where the pairs start; becomes this object's.</param>
    /// <param name="trained">What is trained, in the order in which the trainer lays it out: of the pairs, or further tensors; null: A and B of every pair.</param>
    public Tuning(LoraWeights lora, IReadOnlyList<Tensor>? trained = null)
    {
        Lora = lora;
        Trained = trained ?? [.. lora.Pairs.SelectMany(pair => new[] { pair.A, pair.B })];
    }

    /// <summary>The pairs: before training where they start, after it what was tuned. What is not in <see cref="Trained"/> stays as it is.</summary>
    public LoraWeights Lora { get; }

    /// <summary>All that the optimiser moves. Float32.</summary>
    public IReadOnlyList<Tensor> Trained { get; }

    /// <summary>float32 [Q], changed in place from step to step and saved with checkpoints; null: nothing is counted.</summary>
    internal virtual Tensor? Statistics => null;

    /// <summary>What the layers add in a training forward pass.</summary>
    internal virtual LinearUpdate Update(LiveParameters live, LoraDropout? dropout) => LoraUpdate.Of(live.Lora, live.Weights.device, dropout)!;

    /// <summary>
    /// Called in every step when its gradient of the cross-entropy is whole and before it is clipped: counts what the method wants to know of it, then adds the gradient
    /// of the method's penalty. No graph is recorded.
    /// </summary>
    /// <param name="live">The parameters with their gradients.</param>
    /// <param name="step">1-based.</param>
    /// <returns>The penalty, a scalar on the device; null: there is none.</returns>
    internal virtual Tensor? AfterBackward(LiveParameters live, int step) => null;

    /// <summary>Called once when the result is in <see cref="Lora"/> and before the method merges it.</summary>
    internal virtual void AfterTraining(Decoder decoder, IReadOnlyList<EncodedExample> rows, CancellationToken cancellationToken)
    {
    }

    public void Dispose()
    {
        Lora.Dispose();
        foreach (var tensor in _kept) tensor.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Makes a tensor this object's.</summary>
    private protected Tensor Keep(Tensor tensor)
    {
        _kept.Add(tensor.DetachFromDisposeScope());
        return tensor;
    }
}
