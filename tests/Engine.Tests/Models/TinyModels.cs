using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;

namespace ContinualService.Engine.Tests.Models;

/// <summary>Random decoders of a few thousand weights.</summary>
internal static class TinyModels
{
    public static string Json(string family = "llama", string more = "", int context = 64) => $$"""
        {"model_type": "{{family}}", "vocab_size": 40, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": {{context}}, "rms_norm_eps": 1e-5, "head_dim": 8, "eos_token_id": 2{{more}}}
        """;

    public static Decoder Create(ModelConfig config, int seed = 1)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var generator = new torch.Generator((ulong)seed, torch.CPU);
        var weights = Decoder.CreateWeights(config, generator);
        // Fresh norms and biases are ones and zeros, and fresh matrices are small: none of their mistakes would show.
        foreach (var weight in weights.Values) weight.add_(torch.randn(weight.shape, generator: generator).mul_(0.2));
        return new Decoder(config, weights);
    }

    public static Decoder Create(string family = "llama", string more = "", int context = 64) => Create(ModelConfig.Parse(Json(family, more, context), null));

    /// <summary>A LoRA whose B is not zero.</summary>
    public static LoraWeights CreateLora(Decoder decoder, LoraConfig config, int seed = 5)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var generator = new torch.Generator((ulong)seed, torch.CPU);
        var lora = LoraWeights.CreateFresh(decoder, config, generator);
        foreach (var pair in lora.Pairs) pair.B.add_(torch.randn(pair.B.shape, generator: generator).mul_(0.1));
        return lora;
    }

    public static int[] Ids(int count, int seed = 3)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(3, 40))];
    }
}
