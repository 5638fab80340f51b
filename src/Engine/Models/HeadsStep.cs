using ContinualService.Engine.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>Attention by libtorch's operators, which take heads apart: N = B*T tokens, in rows of equal length.</summary>
/// <param name="batch">B.</param>
/// <param name="length">T, the tokens of this call in each row.</param>
/// <param name="cos">float32, to be broadcast to [B, heads, T, K/2].</param>
/// <param name="sin">As <paramref name="cos"/>.</param>
internal abstract class HeadsStep(int batch, int length, Tensor cos, Tensor sin) : AttentionStep
{
    /// <summary>B.</summary>
    protected int Batch { get; } = batch;

    /// <summary>T.</summary>
    protected int Length { get; } = length;

    /// <summary>[B*T, K, K], see <see cref="RotationMatrices"/>; null: by the tables.</summary>
    protected virtual Tensor? Rotations => null;

    /// <summary>
    /// Softmax of query times key, times value: <paramref name="query"/> [B, H, T, K] with <paramref name="key"/> and <paramref name="value"/> [B, G, T, K] of the
    /// same tokens, to [B, H, T, K]. Belongs to the caller's dispose scope.
    /// </summary>
    /// <param name="window">A token sees this many keys, its own included; null: all before it.</param>
    public abstract Tensor Attend(Tensor query, Tensor key, Tensor value, int? window, int layer);

    public sealed override Tensor Mix(ModelConfig config, Tensor query, Tensor key, Tensor value, int? window, int layer) =>
        Flat(Attend(Turned(query, config.HeadCount), Turned(key, config.KeyValueHeadCount), Apart(value, config.KeyValueHeadCount), window, layer));

    public sealed override TrainedAttention Train(ModelConfig config, Tensor query, Tensor key, Tensor value, int? window, int layer) =>
        new GraphAttention(this, Turned(query, config.HeadCount), Turned(key, config.KeyValueHeadCount), Apart(value, config.KeyValueHeadCount), window, layer);

    /// <summary>[B*T, H*K] to [B, H, T, K], a view.</summary>
    public Tensor Apart(Tensor flat, int heads) => flat.view(Batch, Length, heads, -1).transpose(1, 2);

    /// <summary>[B, H, T, K] to [B*T, H*K].</summary>
    public static Tensor Flat(Tensor apart) => apart.transpose(1, 2).reshape(apart.size(0) * apart.size(2), -1);

    /// <summary>The gradient of queries or keys, [B*T, H*K], from that of what they became, [B, H, T, K]: turning is orthogonal, so by the negative angle.</summary>
    public Tensor TurnedBack(Tensor gradient)
    {
        if (Rotations is not { } rotations) return Flat(Rotate(gradient, cos, sin, Scalars.One, Scalars.MinusOne));
        var x = gradient.transpose(1, 2); // [B, T, H, K]
        return x.reshape(-1, x.size(2), x.size(3)).bmm(rotations.transpose(1, 2)).view(x.size(0) * x.size(1), -1);
    }

    /// <summary>[B, G, T, K] to [B, H, T, K]: each key/value head serves H/G neighbouring query heads.</summary>
    protected static Tensor Expand(Tensor x, long heads)
    {
        var (batch, groups, length, width) = (x.size(0), x.size(1), x.size(2), x.size(3));
        if (groups == heads) return x;
        return x.unsqueeze(2).expand(batch, groups, heads / groups, length, width).reshape(batch, heads, length, width);
    }

    /// <summary>Queries or keys, [B*T, H*K], turned by their position: [B, H, T, K].</summary>
    private Tensor Turned(Tensor flat, int heads)
    {
        if (TokenKernels.Take(flat))
        {
            TokenKernels.Turn(flat, heads, cos, sin, TokenKernels.Forth);
            return Apart(flat, heads);
        }

        if (Rotations is not { } rotations) return Rotate(Apart(flat, heads), cos, sin, Scalars.MinusOne, Scalars.One);
        return Apart(flat.view(Batch * Length, heads, -1).bmm(rotations).view(flat.shape), heads);
    }

    /// <summary>Turns the pairs (i, i + K/2) by their position's angle, as the published Hugging Face weights expect.</summary>
    private static Tensor Rotate(Tensor x, Tensor cos, Tensor sin, Scalar first, Scalar second)
    {
        var half = x.size(-1) / 2;
        var (left, right) = (x.narrow(-1, 0, half), x.narrow(-1, half, half)); // [..., K/2]
        return cat([left.mul(cos).addcmul(right, sin, first), right.mul(cos).addcmul(left, sin, second)], -1).As(x.dtype);
    }
}
