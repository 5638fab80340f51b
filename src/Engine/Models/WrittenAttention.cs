using ContinualService.Engine.Kernels;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>Of sequences one after another, without a graph: what the gradient needs beside queries, keys and values is computed once more.</summary>
internal sealed class WrittenAttention : TrainedAttention
{
    private readonly RowAttention _rows;
    private readonly Tensor _query; // [1, H, N, K]
    private readonly Tensor _key; // [1, G, N, K]
    private readonly Tensor _value; // [1, G, N, K]
    private readonly int? _window;

    /// <param name="rows">Of these sequences.</param>
    /// <param name="query">[1, H, N, K].</param>
    /// <param name="key">[1, G, N, K].</param>
    /// <param name="value">[1, G, N, K].</param>
    /// <param name="window">A token sees this many keys, its own included; null: all before it.</param>
    public static WrittenAttention Of(RowAttention rows, Tensor query, Tensor key, Tensor value, int? window) => new(rows, query, key, value, rows.Forward(query, key, value, window), window);

    private WrittenAttention(RowAttention rows, Tensor query, Tensor key, Tensor value, Tensor mixed, int? window)
        : base(query, key, value, mixed) => (_rows, _query, _key, _value, Mixed, _window) = (rows, query, key, value, mixed, window);

    public override Tensor Mixed { get; }

    public override (Tensor Query, Tensor Key, Tensor Value) Backward(Tensor gradient) => _rows.Backward(_query, _key, _value, gradient, _window);
}
