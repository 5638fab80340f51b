using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>Of sequences one after another, without a graph: what the gradient needs beside queries, keys and values is computed once more.</summary>
/// <param name="step">Of these sequences.</param>
/// <param name="config">The decoder's.</param>
/// <param name="query">[N, H*K], turned.</param>
/// <param name="key">[N, G*K], turned.</param>
/// <param name="value">[N, G*K].</param>
/// <param name="mixed">[N, H*K].</param>
/// <param name="window">A token sees this many keys, its own included; null: all before it.</param>
internal sealed class WrittenAttention(RowsStep step, ModelConfig config, Tensor query, Tensor key, Tensor value, Tensor mixed, int? window) : TrainedAttention
{
    public override (Tensor Query, Tensor Key, Tensor Value, Tensor Mixed) Kept => (query, key, value, mixed);

    public override Tensor Mixed() => mixed;

    public override (Tensor Query, Tensor Key, Tensor Value) Backward(Tensor gradient) => step.Backward(config, query, key, value, gradient, window);
}
