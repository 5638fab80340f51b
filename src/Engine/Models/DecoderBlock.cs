using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>The weights of one linear layer; <paramref name="Weight"/> is [out, in].</summary>
internal sealed record DecoderLinear(int Site, Tensor Weight, Tensor? Bias);

/// <summary>The weights of one transformer block, looked up once so that the forward pass does no string work.</summary>
internal sealed record DecoderBlock(
    Tensor InputNorm,
    Tensor PostAttentionNorm,
    Tensor? QueryNorm,
    Tensor? KeyNorm,
    DecoderLinear Query,
    DecoderLinear Key,
    DecoderLinear Value,
    DecoderLinear Output,
    DecoderLinear Gate,
    DecoderLinear Up,
    DecoderLinear Down,
    int? Window) : IBlockWeights
{
    public static DecoderBlock From(ModelConfig config, int layer, IReadOnlyDictionary<string, Tensor> weights) => From(config, layer, weights, name => weights[name]);

    /// <summary>The same with the matrices of the linear layers from elsewhere, by their checkpoint names.</summary>
    public static DecoderBlock From(ModelConfig config, int layer, IReadOnlyDictionary<string, Tensor> weights, Func<string, Tensor> matrix)
    {
        var block = $"model.layers.{layer}.";
        var linears = DecoderLayout.BlockLinears.Select((name, i) => new DecoderLinear(
            layer * DecoderLayout.BlockLinears.Length + i, matrix(block + name + ".weight"), weights.GetValueOrDefault(block + name + ".bias"))).ToArray();
        return new DecoderBlock(
            weights[block + "input_layernorm.weight"],
            weights[block + "post_attention_layernorm.weight"],
            weights.GetValueOrDefault(block + "self_attn.q_norm.weight"),
            weights.GetValueOrDefault(block + "self_attn.k_norm.weight"),
            linears[0], linears[1], linears[2], linears[3], linears[4], linears[5], linears[6],
            config.WindowOf(layer));
    }

    public DecoderBlock ForRun() => this;
}
