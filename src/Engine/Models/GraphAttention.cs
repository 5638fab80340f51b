using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>By libtorch's autograd, whose kernels are the best there are on a GPU.</summary>
internal sealed class GraphAttention : TrainedAttention
{
    // Queries, keys and values are leaves.
    private GraphAttention(Tensor query, Tensor key, Tensor value, Tensor mixed)
        : base(query, key, value, mixed)
    {
    }

    /// <param name="query">[B, H, T, K].</param>
    /// <param name="key">[B, G, T, K].</param>
    /// <param name="value">[B, G, T, K].</param>
    /// <param name="attend">[B, H, T, K] of leaves with the same values.</param>
    public static GraphAttention Of(Tensor query, Tensor key, Tensor value, Func<Tensor, Tensor, Tensor, Tensor> attend)
    {
        var (q, k, v) = (Leaf(query), Leaf(key), Leaf(value));
        using var withGraph = enable_grad();
        return new GraphAttention(q, k, v, attend(q, k, v));
    }

    public override (Tensor Query, Tensor Key, Tensor Value) Backward(Tensor gradient)
    {
        Mixed.backward([gradient]);
        return (Query.grad!, Key.grad!, Value.grad!);
    }

    private static Tensor Leaf(Tensor values) => values.detach().requires_grad_(true);
}
