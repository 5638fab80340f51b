namespace ContinualService.Engine.Models;

/// <summary>Names and shapes of every weight of a decoder, as published checkpoints spell them.</summary>
internal static class DecoderLayout
{
    public const string Embedding = "model.embed_tokens.weight";
    public const string FinalNorm = "model.norm.weight";
    public const string Head = "lm_head.weight";

    /// <summary>Linear layers of one block, in the order of their indices.</summary>
    public static readonly string[] BlockLinears =
        ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"];

    /// <summary>The neighbours of a layer that see the same input, itself included: q, k, v; o; gate, up; down.</summary>
    public static (int First, int Count) SharingInput(int site)
    {
        var place = site % BlockLinears.Length;
        var (first, count) = place switch { < 3 => (0, 3), 3 => (3, 1), < 6 => (4, 2), _ => (6, 1) };
        return (site - place + first, count);
    }

    /// <summary>Every linear layer that can carry a LoRA (not the head), block by block.</summary>
    public static IReadOnlyList<LinearSite> Linears(ModelConfig config)
    {
        var queries = config.HeadCount * config.HeadWidth;
        var keys = config.KeyValueHeadCount * config.HeadWidth;
        (int In, int Out)[] sizes =
        [
            (config.HiddenSize, queries), (config.HiddenSize, keys), (config.HiddenSize, keys), (queries, config.HiddenSize),
            (config.HiddenSize, config.IntermediateSize), (config.HiddenSize, config.IntermediateSize), (config.IntermediateSize, config.HiddenSize),
        ];
        var sites = new List<LinearSite>(config.LayerCount * BlockLinears.Length);
        for (var layer = 0; layer < config.LayerCount; layer++)
        {
            for (var i = 0; i < BlockLinears.Length; i++)
                sites.Add(new LinearSite(sites.Count, $"model.layers.{layer}.{BlockLinears[i]}", sizes[i].In, sizes[i].Out));
        }

        return sites;
    }

    /// <summary>Name and shape of every weight that a checkpoint of this configuration holds; no head where embeddings are tied.</summary>
    public static IReadOnlyDictionary<string, long[]> Shapes(ModelConfig config)
    {
        var shapes = new Dictionary<string, long[]> { [Embedding] = [config.VocabularySize, config.HiddenSize], [FinalNorm] = [config.HiddenSize] };
        if (!config.TieWordEmbeddings) shapes[Head] = [config.VocabularySize, config.HiddenSize];
        foreach (var site in Linears(config))
        {
            shapes[site.Path + ".weight"] = [site.OutFeatures, site.InFeatures];
            if (HasBias(config, site.Index % BlockLinears.Length)) shapes[site.Path + ".bias"] = [site.OutFeatures];
        }

        for (var layer = 0; layer < config.LayerCount; layer++)
        {
            var block = $"model.layers.{layer}.";
            shapes[block + "input_layernorm.weight"] = [config.HiddenSize];
            shapes[block + "post_attention_layernorm.weight"] = [config.HiddenSize];
            if (!config.QueryKeyNorm) continue;
            shapes[block + "self_attn.q_norm.weight"] = [config.HeadWidth];
            shapes[block + "self_attn.k_norm.weight"] = [config.HeadWidth];
        }

        return shapes;
    }

    private static bool HasBias(ModelConfig config, int linear) => linear switch
    {
        < 3 => config.QueryKeyValueBias,
        3 => config.AttentionOutputBias,
        _ => config.MlpBias,
    };
}
