using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>What every layer's attention shares in one forward pass of N tokens: where they stand, and which keys each of them sees.</summary>
internal abstract class AttentionStep
{
    /// <summary>Queries and keys are turned by their tokens' positions; softmax of query times key, times value, follows. Belongs to the caller's dispose scope.</summary>
    /// <param name="config">How many heads, and how wide.</param>
    /// <param name="query">[N, H*K]. Used up.</param>
    /// <param name="key">[N, G*K], each head for H / G neighbouring query heads. Used up.</param>
    /// <param name="value">As <paramref name="key"/>.</param>
    /// <param name="window">A token sees this many keys, its own included; null: all before it.</param>
    /// <param name="layer">Which one it is.</param>
    /// <returns>[N, H*K].</returns>
    public abstract Tensor Mix(ModelConfig config, Tensor query, Tensor key, Tensor value, int? window, int layer);

    /// <summary>The same with what its gradient needs, without a graph. What it keeps belongs to the caller's dispose scope.</summary>
    public abstract TrainedAttention Train(ModelConfig config, Tensor query, Tensor key, Tensor value, int? window, int layer);
}
