using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>By libtorch's autograd, whose kernels are the best there are on a GPU.</summary>
internal sealed class GraphAttention : TrainedAttention
{
    private readonly HeadsStep _step;
    private readonly Tensor _query; // [B, H, T, K], a leaf
    private readonly Tensor _key; // [B, G, T, K], a leaf
    private readonly Tensor _value; // as _key
    private readonly Tensor _mixed; // [B, H, T, K], with its graph

    /// <param name="step">Of these tokens.</param>
    /// <param name="query">[B, H, T, K], turned.</param>
    /// <param name="key">[B, G, T, K], turned.</param>
    /// <param name="value">[B, G, T, K].</param>
    /// <param name="window">A token sees this many keys, its own included; null: all before it.</param>
    /// <param name="layer">Which one it is.</param>
    public GraphAttention(HeadsStep step, Tensor query, Tensor key, Tensor value, int? window, int layer)
    {
        (_step, _query, _key, _value) = (step, Leaf(query), Leaf(key), Leaf(value));
        using var withGraph = enable_grad();
        _mixed = step.Attend(_query, _key, _value, window, layer);
    }

    public override (Tensor Query, Tensor Key, Tensor Value, Tensor Mixed) Kept => (_query, _key, _value, _mixed);

    public override Tensor Mixed() => HeadsStep.Flat(_mixed.detach());

    public override (Tensor Query, Tensor Key, Tensor Value) Backward(Tensor gradient)
    {
        _mixed.backward([_step.Apart(gradient, (int)_query.size(1))]);
        return (_step.TurnedBack(_query.grad!), _step.TurnedBack(_key.grad!), HeadsStep.Flat(_value.grad!));
    }

    private static Tensor Leaf(Tensor values) => values.detach().requires_grad_(true);
}
