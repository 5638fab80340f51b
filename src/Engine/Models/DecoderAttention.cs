using ContinualService.Engine.Kernels;
using ContinualService.Engine.Lora;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>Grouped-query self-attention of one block.</summary>
internal static class DecoderAttention
{
    /// <summary><paramref name="x"/> [B*T, D], already normed, to [B*T, D], or to [n, D] of the tokens that are <paramref name="wanted"/>. Belongs to the caller's dispose scope.</summary>
    public static Tensor Run(ModelConfig config, DecoderBlock block, int layer, Tensor x, AttentionStep step, LinearUpdate? update, Tensor? wanted)
    {
        var query = Turned(config, AdaptedLinear.Apply(x, block.Query, update), block.QueryNorm, config.HeadCount, step); // [B, H, T, K]
        var key = Turned(config, AdaptedLinear.Apply(x, block.Key, update), block.KeyNorm, config.KeyValueHeadCount, step); // [B, G, T, K]
        var value = Heads(AdaptedLinear.Apply(x, block.Value, update), config.KeyValueHeadCount, step).transpose(1, 2); // [B, G, T, K]
        var mixed = Flat(step.Attend(query, key, value, block.Window, layer).transpose(1, 2)); // [B*T, H*K]
        return AdaptedLinear.Apply(wanted is null ? mixed : mixed.index_select(0, wanted), block.Output, update);
    }

    /// <summary>[B*T, H*K] to [B, T, H, K], a view.</summary>
    public static Tensor Heads(Tensor flat, int count, AttentionStep step) => flat.view(step.Batch, step.Length, count, -1);

    /// <summary>[B, T, H, K] to [B*T, H*K].</summary>
    public static Tensor Flat(Tensor heads) => heads.reshape(heads.size(0) * heads.size(1), -1);

    /// <summary>Queries or keys, [B*T, H*K], normed where the family has a norm for them, and turned by their position: [B, H, T, K].</summary>
    public static Tensor Turned(ModelConfig config, Tensor flat, Tensor? norm, int heads, AttentionStep step)
    {
        if (norm is not null) flat = RmsNorm.Apply(Heads(flat, heads, step), norm, config.RmsNormEpsilon).view(flat.shape);
        if (TokenKernels.Take(flat)) return TokenKernels.Turn(flat, step.Batch, heads, step.Cos, step.Sin);
        var x = Heads(flat, heads, step); // [B, T, H, K]
        if (step.Rotations is { } rotations) return x.reshape(-1, heads, x.size(3)).bmm(rotations).view(x.shape).transpose(1, 2);
        return Rotate(x.transpose(1, 2), step.Cos, step.Sin, Scalars.MinusOne, Scalars.One);
    }

    /// <summary>The gradient of what <see cref="Turned"/> was given, [B*T, H*K], from that of what it made: turning is orthogonal, so by the negative angle. To be called without a graph.</summary>
    /// <param name="config">The decoder's.</param>
    /// <param name="gradient">[B, H, T, K].</param>
    /// <param name="flat">What it was given; needed where there is a norm.</param>
    /// <param name="norm">As there.</param>
    /// <param name="step">As there.</param>
    public static Tensor TurnedBack(ModelConfig config, Tensor gradient, Tensor? flat, Tensor? norm, AttentionStep step)
    {
        var heads = (int)gradient.size(1);
        var turned = TokenKernels.Take(gradient) ? TokenKernels.TurnBack(gradient, step.Cos, step.Sin) : Flat(RotateBack(gradient.transpose(1, 2), step)); // [B*T, H*K]
        return norm is null ? turned : Flat(RmsNorm.Backward(Heads(flat!, heads, step), norm, config.RmsNormEpsilon, Heads(turned, heads, step)));
    }

    /// <summary>[B, T, H or G, K] to the same.</summary>
    private static Tensor RotateBack(Tensor x, AttentionStep step)
    {
        if (step.Rotations is { } rotations) return x.reshape(-1, x.size(2), x.size(3)).bmm(rotations.transpose(1, 2)).view(x.shape);
        return Rotate(x, step.Cos.unsqueeze(-2), step.Sin.unsqueeze(-2), Scalars.One, Scalars.MinusOne);
    }

    /// <summary>Turns the pairs (i, i + K/2) by their position's angle, as the published Hugging Face weights expect.</summary>
    private static Tensor Rotate(Tensor x, Tensor cos, Tensor sin, Scalar first, Scalar second)
    {
        var half = x.size(-1) / 2;
        var (left, right) = (x.narrow(-1, 0, half), x.narrow(-1, half, half)); // [..., K/2]
        return cat([left.mul(cos).addcmul(right, sin, first), right.mul(cos).addcmul(left, sin, second)], -1).As(x.dtype);
    }
}
