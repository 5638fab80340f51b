using ContinualService.Engine.Inference;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace ContinualService.Engine.Models;

/// <summary>Tokens that follow what a <see cref="KeyValueCache"/> holds of each row.</summary>
internal sealed class CachedStep(int batch, int length, Tensor cos, Tensor sin, KeyValueCache cache, CachePlan plan) : HeadsStep(batch, length, cos, sin)
{
    public override Tensor Attend(Tensor query, Tensor key, Tensor value, int? window, int layer)
    {
        var (keys, values) = cache.Append(layer, key, value, plan); // [B, G, S, K]
        var mask = plan.Mask(window); // bool, broadcast to [B, 1, T, S]
        if (Length > 1)
        {
            var causal = mask is null && plan.Start == 0;
            return scaled_dot_product_attention(query, Expand(keys, query.shape[1]), Expand(values, query.shape[1]), mask!, is_casual: causal);
        }

        // With one token per row the heads of a group can stand in for its tokens: no copy of the cache per head.
        var grouped = query.reshape(Batch, key.shape[1], -1, query.shape[^1]); // [B, G, H/G, K]
        return scaled_dot_product_attention(grouped, keys, values, mask!).reshape(Batch, -1, 1, query.shape[^1]); // [B, H, 1, K]
    }
}
