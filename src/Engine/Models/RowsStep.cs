using ContinualService.Engine.Kernels;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>Whole sequences, one after another without padding, on a CPU. Attention stays within each sequence.</summary>
/// <param name="length">N, the tokens of all.</param>
/// <param name="cos">float32 [N, K/2]: of each token's place in its own sequence.</param>
/// <param name="sin">As <paramref name="cos"/>.</param>
/// <param name="attention">Of these sequences.</param>
internal sealed class RowsStep(int length, Tensor cos, Tensor sin, RowAttention attention) : AttentionStep(1, length, cos, sin)
{
    public override Tensor Attend(Tensor query, Tensor key, Tensor value, int? window, int layer) => attention.Forward(query, key, value, window);

    public override TrainedAttention Train(Tensor query, Tensor key, Tensor value, int? window, int layer) => new WrittenAttention(attention, query, key, value, window);
}
