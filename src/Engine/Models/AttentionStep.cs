using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace ContinualService.Engine.Models;

/// <summary>What every layer's attention shares in one forward pass: where the tokens stand, and which keys each of them sees.</summary>
internal abstract class AttentionStep(int batch, int length, Tensor cos, Tensor sin)
{
    /// <summary>B.</summary>
    public int Batch { get; } = batch;

    /// <summary>T, the tokens of this call in each row.</summary>
    public int Length { get; } = length;

    /// <summary>float32, to be broadcast to [B, heads, T, K/2].</summary>
    public Tensor Cos { get; } = cos;

    /// <summary>As <see cref="Cos"/>.</summary>
    public Tensor Sin { get; } = sin;

    /// <summary>[B*T, K, K], see <see cref="RotationMatrices"/>; null: by the tables.</summary>
    public virtual Tensor? Rotations => null;

    /// <summary>
    /// Softmax of query times key, times value: <paramref name="query"/> [B, H, T, K] with <paramref name="key"/> and <paramref name="value"/> [B, G, T, K] of the
    /// same tokens, to [B, H, T, K]. Belongs to the caller's dispose scope.
    /// </summary>
    /// <param name="window">A token sees this many keys, its own included; null: all before it.</param>
    public abstract Tensor Attend(Tensor query, Tensor key, Tensor value, int? window, int layer);

    /// <summary>The same with what its gradient needs. What it keeps belongs to the caller's dispose scope.</summary>
    public virtual TrainedAttention Train(Tensor query, Tensor key, Tensor value, int? window, int layer) => GraphAttention.Of(query, key, value, (q, k, v) => Attend(q, k, v, window, layer));

    /// <summary>[B, G, T, K] to [B, H, T, K]: each key/value head serves H/G neighbouring query heads.</summary>
    protected static Tensor Expand(Tensor x, long heads)
    {
        var (batch, groups, length, width) = (x.size(0), x.size(1), x.size(2), x.size(3));
        if (groups == heads) return x;
        return x.unsqueeze(2).expand(batch, groups, heads / groups, length, width).reshape(batch, heads, length, width);
    }
}
