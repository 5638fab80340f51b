using ContinualService.Engine.Lora;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>Grouped-query self-attention of one block.</summary>
internal static class DecoderAttention
{
    /// <summary><paramref name="x"/> [B*T, D], already normed, to [B*T, D]. Belongs to the caller's dispose scope.</summary>
    public static Tensor Run(ModelConfig config, DecoderBlock block, int layer, Tensor x, AttentionStep step, LinearUpdate? update)
    {
        var (heads, groups, width) = (config.HeadCount, config.KeyValueHeadCount, config.HeadWidth);
        var query = Heads(AdaptedLinear.Apply(x, block.Query, update), heads); // [B, T, H, K]
        var key = Heads(AdaptedLinear.Apply(x, block.Key, update), groups); // [B, T, G, K]
        var value = Heads(AdaptedLinear.Apply(x, block.Value, update), groups).transpose(1, 2); // [B, G, T, K]
        if (block.QueryNorm is not null) query = RmsNorm.Apply(query, block.QueryNorm, config.RmsNormEpsilon);
        if (block.KeyNorm is not null) key = RmsNorm.Apply(key, block.KeyNorm, config.RmsNormEpsilon);
        query = Rotate(query, step); // [B, H, T, K]
        key = Rotate(key, step); // [B, G, T, K]

        var mixed = step.Attend(query, key, value, block.Window, layer); // [B, H, T, K]
        var merged = mixed.transpose(1, 2).reshape(step.Batch * step.Length, heads * width); // [B*T, H*K]
        return AdaptedLinear.Apply(merged, block.Output, update);

        Tensor Heads(Tensor flat, int count) => flat.view(step.Batch, step.Length, count, width);
    }

    /// <summary>Turns the pairs (i, i + K/2) by their position's angle, as the published Hugging Face weights expect: [B, T, H or G, K] to [B, H or G, T, K].</summary>
    private static Tensor Rotate(Tensor x, AttentionStep step)
    {
        if (step.Rotations is { } rotations) return x.reshape(-1, x.shape[2], x.shape[3]).bmm(rotations).view(x.shape).transpose(1, 2);
        x = x.transpose(1, 2); // [B, H or G, T, K]
        var half = x.shape[^1] / 2;
        var (first, second) = (x.narrow(-1, 0, half), x.narrow(-1, half, half)); // [B, H or G, T, K/2]
        var turned = cat([first.mul(step.Cos).addcmul(second, step.Sin, Scalars.MinusOne), second.mul(step.Cos).addcmul(first, step.Sin, Scalars.One)], -1);
        return turned.to(x.dtype);
    }
}
