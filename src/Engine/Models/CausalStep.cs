using ContinualService.Engine.Kernels;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace ContinualService.Engine.Models;

/// <summary>Whole sequences of one length from their first token on, without a cache: training and scoring.</summary>
internal sealed class CausalStep(int batch, int length, Tensor cos, Tensor sin, Tensor? rotations) : HeadsStep(batch, length, cos, sin)
{
    protected override Tensor? Rotations => rotations;

    public override Tensor Attend(Tensor query, Tensor key, Tensor value, int? window, int layer) => Attend(query, key, value, window);

    /// <summary>The same for whoever has whole sequences, [B, H, T, K].</summary>
    public static Tensor Attend(Tensor query, Tensor key, Tensor value, int? window)
    {
        var length = query.size(2);
        var whole = window is null || window >= length;
        if (whole && length > 1 && key.size(1) < query.size(1) && query.device_type == DeviceType.CUDA) return ScriptedOperators.GroupedAttention(query, key, value);
        var (keys, values) = (Expand(key, query.size(1)), Expand(value, query.size(1))); // [B, H, T, K]
        if (whole) return scaled_dot_product_attention(query, keys, values, is_casual: length > 1);
        var distance = arange(length, device: query.device).unsqueeze(1).sub(arange(length, device: query.device)); // [T, T]
        return scaled_dot_product_attention(query, keys, values, distance.ge(0).logical_and(distance.lt(window!.Value)));
    }
}
