using ContinualService.Engine.Lora;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>Grouped-query self-attention of one block.</summary>
internal static class DecoderAttention
{
    /// <summary><paramref name="x"/> [N, D], already normed, to [N, D], or to [n, D] of the tokens that are <paramref name="wanted"/>. Belongs to the caller's dispose scope.</summary>
    public static Tensor Run(ModelConfig config, DecoderBlock block, int layer, Tensor x, AttentionStep step, LinearUpdate? update, Tensor? wanted)
    {
        var query = Normed(config, AdaptedLinear.Apply(x, block.Query, update), block.QueryNorm); // [N, H*K]
        var key = Normed(config, AdaptedLinear.Apply(x, block.Key, update), block.KeyNorm); // [N, G*K]
        var value = AdaptedLinear.Apply(x, block.Value, update); // [N, G*K]
        var mixed = step.Mix(config, query, key, value, block.Window, layer); // [N, H*K]
        return AdaptedLinear.Apply(wanted is null ? mixed : mixed.index_select(0, wanted), block.Output, update);
    }

    /// <summary>Queries or keys, [N, H*K], normed head by head where the family has a norm for them.</summary>
    public static Tensor Normed(ModelConfig config, Tensor flat, Tensor? norm) => norm is null ? flat : RmsNorm.Apply(flat.view(-1, config.HeadWidth), norm, config.RmsNormEpsilon).view(flat.shape);

    /// <summary>The gradient of what <see cref="Normed"/> was given, from that of what it made, which is used up. To be called without a graph.</summary>
    /// <param name="config">The decoder's.</param>
    /// <param name="gradient">[N, H*K].</param>
    /// <param name="flat">What it was given; needed where there is a norm.</param>
    /// <param name="norm">As there.</param>
    public static Tensor NormedBack(ModelConfig config, Tensor gradient, Tensor? flat, Tensor? norm) =>
        norm is null ? gradient : RmsNorm.Backward(flat!.view(-1, config.HeadWidth), norm, config.RmsNormEpsilon, gradient.view(-1, config.HeadWidth)).view(gradient.shape);
}
