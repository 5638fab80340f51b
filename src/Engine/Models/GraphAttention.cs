using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>By libtorch's autograd, whose kernels are the best there are on a GPU.</summary>
internal sealed class GraphAttention : TrainedAttention
{
    private readonly Tensor _query; // [B, H, T, K], a leaf, as are the two that follow
    private readonly Tensor _key; // [B, G, T, K]
    private readonly Tensor _value; // [B, G, T, K]

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

    private GraphAttention(Tensor query, Tensor key, Tensor value, Tensor mixed)
        : base(query, key, value, mixed) => (_query, _key, _value, Mixed) = (query, key, value, mixed);

    public override Tensor Mixed { get; }

    public override (Tensor Query, Tensor Key, Tensor Value) Backward(Tensor gradient)
    {
        Mixed.backward([gradient]);
        return (_query.grad!, _key.grad!, _value.grad!);
    }

    private static Tensor Leaf(Tensor values) => values.detach().requires_grad_(true);
}
