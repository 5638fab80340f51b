using ContinualService.Engine.Kernels;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>Whole sequences, one after another without padding, on a CPU and without a graph. Attention stays within each sequence.</summary>
/// <param name="cos">float32 [N, K/2]: of each token's place in its own sequence.</param>
/// <param name="sin">As <paramref name="cos"/>.</param>
/// <param name="attention">Of these sequences.</param>
internal sealed class RowsStep(Tensor cos, Tensor sin, RowAttention attention) : AttentionStep
{
    public override Tensor Mix(ModelConfig config, Tensor query, Tensor key, Tensor value, int? window, int layer)
    {
        Turn(config, query, key, TokenKernels.Forth);
        return attention.Forward(config, query, key, value, window);
    }

    public override TrainedAttention Train(ModelConfig config, Tensor query, Tensor key, Tensor value, int? window, int layer) =>
        new WrittenAttention(this, config, query, key, value, Mix(config, query, key, value, window, layer), window);

    /// <summary>The gradients of what <see cref="Mix"/> was given, from that of what it gave, [N, H*K], and what it was given, as it left it. They belong to the caller's dispose scope.</summary>
    public (Tensor Query, Tensor Key, Tensor Value) Backward(ModelConfig config, Tensor query, Tensor key, Tensor value, Tensor gradient, int? window)
    {
        var (ofQuery, ofKey, ofValue) = attention.Backward(config, query, key, value, gradient, window);
        Turn(config, ofQuery, ofKey, TokenKernels.Back);
        return (ofQuery, ofKey, ofValue);
    }

    private void Turn(ModelConfig config, Tensor query, Tensor key, float direction)
    {
        TokenKernels.Turn(query, config.HeadCount, cos, sin, direction);
        TokenKernels.Turn(key, config.KeyValueHeadCount, cos, sin, direction);
    }
}
