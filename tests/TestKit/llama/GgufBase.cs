using ContinualService.Engine.Gguf;
using ContinualService.Engine.Models;
using TorchSharp;

namespace ContinualService.TestKit.Llama;

/// <summary>A base as llama.cpp loads it, with placeholders for its vocabulary: good for ids, not for text.</summary>
public static class GgufBase
{
    private static readonly Dictionary<string, string> Norms = new()
    {
        ["input_layernorm"] = "attn_norm",
        ["post_attention_layernorm"] = "ffn_norm",
        ["self_attn.q_norm"] = "attn_q_norm",
        ["self_attn.k_norm"] = "attn_k_norm",
    };

    /// <summary>Writes the weights as they are, in float32.</summary>
    public static void Write(string path, Decoder decoder)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var stream = File.Create(path);
        List<(string, torch.Tensor)> tensors = [.. decoder.Weights.Select(weight => (NameOf(weight.Key), Ordered(decoder.Config, weight.Key, weight.Value)))];
        if (decoder.Config.Rope.Type == RopeType.Llama3) tensors.Add(("rope_freqs.weight", RopeFactors(decoder.Config)));
        GgufWriter.Write(stream, Metadata(decoder.Config), tensors);
    }

    private static GgufMetadata Metadata(ModelConfig config)
    {
        var architecture = GgufNames.Architecture(config);
        var ids = Enumerable.Range(0, config.VocabularySize).ToList();
        return new GgufMetadata()
            .Add("general.architecture", architecture)
            .Add("general.file_type", GgufWriter.AllFloat32)
            .Add($"{architecture}.vocab_size", (uint)config.VocabularySize)
            .Add($"{architecture}.context_length", (uint)config.MaxPositions)
            .Add($"{architecture}.embedding_length", (uint)config.HiddenSize)
            .Add($"{architecture}.block_count", (uint)config.LayerCount)
            .Add($"{architecture}.feed_forward_length", (uint)config.IntermediateSize)
            .Add($"{architecture}.attention.head_count", (uint)config.HeadCount)
            .Add($"{architecture}.attention.head_count_kv", (uint)config.KeyValueHeadCount)
            .Add($"{architecture}.attention.key_length", (uint)config.HeadWidth)
            .Add($"{architecture}.attention.value_length", (uint)config.HeadWidth)
            .Add($"{architecture}.attention.layer_norm_rms_epsilon", (float)config.RmsNormEpsilon)
            .Add($"{architecture}.rope.dimension_count", (uint)config.HeadWidth)
            .Add($"{architecture}.rope.freq_base", (float)config.Rope.Theta)
            .Add("tokenizer.ggml.model", "gpt2")
            .Add("tokenizer.ggml.pre", "default")
            .Add("tokenizer.ggml.tokens", ids.ConvertAll(id => $"t{id}"))
            .Add("tokenizer.ggml.token_type", ids.ConvertAll(_ => 1))
            .Add("tokenizer.ggml.merges", ["t 0"])
            .Add("tokenizer.ggml.eos_token_id", (uint)config.EosTokenIds[0]);
    }

    private static string NameOf(string name)
    {
        switch (name)
        {
            case "model.embed_tokens.weight": return "token_embd.weight";
            case "model.norm.weight": return "output_norm.weight";
            case "lm_head.weight": return "output.weight";
        }

        var (path, kind) = Split(name);
        var parts = path.Split('.', 4);
        return Norms.TryGetValue(parts[3], out var norm) ? $"blk.{parts[2]}.{norm}.{kind}" : $"{GgufNames.OfLinear(path)}.{kind}";
    }

    private static torch.Tensor Ordered(ModelConfig config, string name, torch.Tensor weight) => GgufNames.InOrder(config, Split(name).Path, weight);

    private static (string Path, string Kind) Split(string name) => (name[..name.LastIndexOf('.')], name[(name.LastIndexOf('.') + 1)..]);

    private static torch.Tensor RopeFactors(ModelConfig config)
    {
        var (stretched, _) = RotaryFrequencies.Compute(config.Rope, config.HeadWidth);
        var (plain, _) = RotaryFrequencies.Compute(config.Rope with { Type = RopeType.Default }, config.HeadWidth);
        return torch.tensor(plain.Zip(stretched, (before, after) => (float)(before / after)).ToArray());
    }
}
