using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>Attention of one block, forward, with what its gradient needs: all of it belongs to the dispose scope that it was made in, until whoever made it disposes of it.</summary>
internal abstract class TrainedAttention
{
    /// <summary>All that it holds, its result among it.</summary>
    public abstract (Tensor Query, Tensor Key, Tensor Value, Tensor Mixed) Kept { get; }

    /// <summary>Its result, [N, H*K], without a graph: either one of <see cref="Kept"/>, or in the caller's dispose scope.</summary>
    public abstract Tensor Mixed();

    /// <summary>The gradients of queries [N, H*K], keys and values [N, G*K] as they were given, from that of <see cref="Mixed"/>. To be called once, without a graph; they belong to the caller's dispose scope.</summary>
    public abstract (Tensor Query, Tensor Key, Tensor Value) Backward(Tensor gradient);
}
