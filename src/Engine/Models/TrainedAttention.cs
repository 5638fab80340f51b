using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>Attention of one block, forward, with what its gradient needs: all of it belongs to the dispose scope that it was made in, until whoever made it disposes of it.</summary>
/// <param name="query">[B, H, T, K].</param>
/// <param name="key">[B, G, T, K].</param>
/// <param name="value">[B, G, T, K].</param>
/// <param name="mixed">The result, [B, H, T, K].</param>
internal abstract class TrainedAttention(Tensor query, Tensor key, Tensor value, Tensor mixed)
{
    /// <summary>All that it holds, its result among it.</summary>
    public (Tensor Query, Tensor Key, Tensor Value, Tensor Mixed) Kept => (Query, Key, Value, Mixed);

    /// <summary>Its result, [B, H, T, K].</summary>
    public Tensor Mixed { get; } = mixed;

    protected Tensor Query { get; } = query;

    protected Tensor Key { get; } = key;

    protected Tensor Value { get; } = value;

    /// <summary>The gradients of queries, keys and values, each in its shape, from that of <see cref="Mixed"/>. To be called once, without a graph; they belong to the caller's dispose scope.</summary>
    public abstract (Tensor Query, Tensor Key, Tensor Value) Backward(Tensor gradient);
}
