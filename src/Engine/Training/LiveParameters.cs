using ContinualService.Engine.Lora;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Training;

/// <summary>What a task trains, as the trainer moves it: leaves that lie in one flat vector, whose gradients lie in another, so that clipping, zeroing and updating are one call each.</summary>
internal sealed class LiveParameters : IDisposable
{
    private readonly Dictionary<Tensor, (Tensor Leaf, Tensor Gradient)> _leaves = new(ReferenceEqualityComparer.Instance); // by what they stand for

    public LiveParameters(Tuning tuning, Device device)
        : this(tuning, Flatten(tuning.Trained, device))
    {
    }

    /// <summary>The weights of another, and a gradient of their own.</summary>
    public LiveParameters(Tuning tuning, LiveParameters other)
        : this(tuning, other.Weights.alias())
    {
    }

    private LiveParameters(Tuning tuning, Tensor weights)
    {
        using var scope = NewDisposeScope();
        (Weights, Gradient) = (weights, zeros_like(weights));
        long offset = 0;
        foreach (var start in tuning.Trained)
        {
            var leaf = Weights.narrow(0, offset, start.numel()).view(start.shape).detach().requires_grad_(true);
            var gradient = Gradient.narrow(0, offset, start.numel()).view(start.shape);
            leaf.grad = gradient;
            _leaves.Add(start, (leaf.DetachFromDisposeScope(), gradient.DetachFromDisposeScope()));
            offset += start.numel();
        }

        // A frozen matrix is shared, under a name of its own that may be disposed of.
        Lora = new LoraWeights([.. tuning.Lora.Pairs.Select(pair => pair with
        {
            A = LeafOrAlias(pair.A),
            B = LeafOrAlias(pair.B),
            GradientOfA = _leaves.GetValueOrDefault(pair.A).Gradient,
            GradientOfB = _leaves.GetValueOrDefault(pair.B).Gradient,
        })]);
        Weights.DetachFromDisposeScope();
        Gradient.DetachFromDisposeScope();
    }

    /// <summary>[P]</summary>
    public Tensor Weights { get; }

    /// <summary>[P]</summary>
    public Tensor Gradient { get; }

    /// <summary>The pairs of the forward pass.</summary>
    public LoraWeights Lora { get; }

    /// <summary>The leaf that stands for a tensor of <see cref="Tuning.Trained"/>; a tensor that is not trained stands for itself.</summary>
    public Tensor this[Tensor start] => _leaves.TryGetValue(start, out var trained) ? trained.Leaf : start;

    /// <summary>Tensors one after another in one vector, [P].</summary>
    public static Tensor Flatten(IEnumerable<Tensor> tensors, Device device)
    {
        using var scope = NewDisposeScope();
        return cat([.. tensors.Select(tensor => tensor.detach().reshape(-1))]).to(Precision.Master).to(device).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        Lora.Dispose();
        foreach (var (leaf, gradient) in _leaves.Values)
        {
            leaf.Dispose();
            gradient.Dispose();
        }

        Weights.Dispose();
        Gradient.Dispose();
    }

    private Tensor LeafOrAlias(Tensor start) => _leaves.TryGetValue(start, out var trained) ? trained.Leaf : start.detach();
}
