using ContinualService.Engine.Kernels;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>Of sequences one after another, without a graph: what the gradient needs beside queries, keys and values is computed once more.</summary>
/// <param name="rows">Of these sequences.</param>
/// <param name="query">[1, H, N, K].</param>
/// <param name="key">[1, G, N, K].</param>
/// <param name="value">[1, G, N, K].</param>
/// <param name="window">A token sees this many keys, its own included; null: all before it.</param>
internal sealed class WrittenAttention(RowAttention rows, Tensor query, Tensor key, Tensor value, int? window)
    : TrainedAttention(query, key, value, rows.Forward(query, key, value, window))
{
    public override (Tensor Query, Tensor Key, Tensor Value) Backward(Tensor gradient) => rows.Backward(Query, Key, Value, gradient, window);
}
