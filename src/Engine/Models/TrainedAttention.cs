using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>Attention of one block, forward, with what its gradient needs.</summary>
/// <param name="kept">Belongs to the dispose scope that it was made in, until whoever made it disposes of it.</param>
internal abstract class TrainedAttention(params IReadOnlyList<Tensor> kept)
{
    /// <summary>All that it holds, its result among it.</summary>
    public IReadOnlyList<Tensor> Kept => kept;

    /// <summary>Its result, [B, H, T, K].</summary>
    public abstract Tensor Mixed { get; }

    /// <summary>The gradients of queries, keys and values, each in its shape, from that of <see cref="Mixed"/>. To be called once, without a graph; they belong to the caller's dispose scope.</summary>
    public abstract (Tensor Query, Tensor Key, Tensor Value) Backward(Tensor gradient);
}
