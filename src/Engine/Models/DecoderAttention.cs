using ContinualService.Engine.Lora;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace ContinualService.Engine.Models;

/// <summary>Grouped-query self-attention of one block.</summary>
internal static class DecoderAttention
{
    /// <summary><paramref name="x"/> [B*T, D], already normed, to [B*T, D]. Belongs to the caller's dispose scope.</summary>
    public static Tensor Run(ModelConfig config, DecoderBlock block, int layer, Tensor x, AttentionStep step, LoraWeights? lora, LoraDropout? dropout)
    {
        var (heads, groups, width) = (config.HeadCount, config.KeyValueHeadCount, config.HeadWidth);
        var query = Heads(LoraLinear.Apply(x, block.Query, lora, dropout), heads); // [B, T, H, K]
        var key = Heads(LoraLinear.Apply(x, block.Key, lora, dropout), groups); // [B, T, G, K]
        var value = Heads(LoraLinear.Apply(x, block.Value, lora, dropout), groups).transpose(1, 2); // [B, G, T, K]
        if (block.QueryNorm is not null) query = RmsNorm.Apply(query, block.QueryNorm, config.RmsNormEpsilon);
        if (block.KeyNorm is not null) key = RmsNorm.Apply(key, block.KeyNorm, config.RmsNormEpsilon);
        query = Rotate(query.transpose(1, 2), step); // [B, H, T, K]
        key = Rotate(key.transpose(1, 2), step); // [B, G, T, K]

        var mixed = step.Cache is null ? Causal(query, key, value, block.Window, step.Length) : Cached(query, key, value, block.Window, layer, step); // [B, H, T, K]
        var merged = mixed.transpose(1, 2).reshape(step.Batch * step.Length, heads * width); // [B*T, H*K]
        return LoraLinear.Apply(merged, block.Output, lora, dropout);

        Tensor Heads(Tensor flat, int count) => flat.view(step.Batch, step.Length, count, width);
    }

    /// <summary>Turns the pairs (i, i + K/2) by their position's angle, as the published Hugging Face weights expect.</summary>
    private static Tensor Rotate(Tensor x, AttentionStep step)
    {
        var half = x.shape[^1] / 2;
        var (first, second) = (x.narrow(-1, 0, half), x.narrow(-1, half, half)); // [B, H or G, T, K/2]
        var turned = cat([first.mul(step.Cos).addcmul(second, step.Sin, -1), second.mul(step.Cos).addcmul(first, step.Sin, 1)], -1);
        return turned.to(x.dtype);
    }

    private static Tensor Causal(Tensor query, Tensor key, Tensor value, int? window, int length)
    {
        var (keys, values) = (Expand(key, query.shape[1]), Expand(value, query.shape[1])); // [B, H, T, K]
        if (window is null || window >= length) return scaled_dot_product_attention(query, keys, values, is_casual: length > 1);
        var distance = arange(length, device: query.device).unsqueeze(1).sub(arange(length, device: query.device)); // [T, T]
        return scaled_dot_product_attention(query, keys, values, distance.ge(0).logical_and(distance.lt(window.Value)));
    }

    private static Tensor Cached(Tensor query, Tensor key, Tensor value, int? window, int layer, AttentionStep step)
    {
        var (keys, values) = step.Cache!.Append(layer, key, value, step.Plan!); // [B, G, S, K]
        var mask = step.Plan!.Mask(window); // bool, broadcast to [B, 1, T, S]
        if (step.Length > 1)
        {
            var causal = mask is null && step.Plan.Start == 0;
            return scaled_dot_product_attention(query, Expand(keys, query.shape[1]), Expand(values, query.shape[1]), mask!, is_casual: causal);
        }

        // With one token per row the heads of a group can stand in for its tokens: no copy of the cache per head.
        var grouped = query.reshape(step.Batch, key.shape[1], -1, query.shape[^1]); // [B, G, H/G, K]
        return scaled_dot_product_attention(grouped, keys, values, mask!).reshape(step.Batch, -1, 1, query.shape[^1]); // [B, H, 1, K]
    }

    /// <summary>[B, G, T, K] to [B, H, T, K]: each key/value head serves H/G neighbouring query heads.</summary>
    private static Tensor Expand(Tensor x, long heads)
    {
        var (batch, groups, length, width) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
        if (groups == heads) return x;
        return x.unsqueeze(2).expand(batch, groups, heads / groups, length, width).reshape(batch, heads, length, width);
    }
}
