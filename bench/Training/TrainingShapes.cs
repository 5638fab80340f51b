using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;

namespace ContinualService.Bench.Training;

/// <summary>The shapes that are measured, and the arithmetic that training a LoRA on one of them cannot do without.</summary>
internal static class TrainingShapes
{
    private static readonly IReadOnlyDictionary<string, string> Texts = new Dictionary<string, string>
    {
        ["15M"] = Json(32_000, hidden: 288, feedForward: 768, layers: 6, heads: 6, groups: 6, headWidth: 48, tied: true, theta: 10_000),
        ["110M"] = Json(32_000, hidden: 768, feedForward: 2_048, layers: 12, heads: 12, groups: 12, headWidth: 64, tied: true, theta: 10_000),
        ["1B"] = Json(128_256, hidden: 2_048, feedForward: 8_192, layers: 16, heads: 32, groups: 8, headWidth: 64, tied: true, theta: 500_000), // Llama 3.2 1B
        ["8B"] = Json(128_256, hidden: 4_096, feedForward: 14_336, layers: 32, heads: 32, groups: 8, headWidth: 128, tied: false, theta: 500_000), // Llama 3.1 8B
    };

    public static IReadOnlyList<string> Names { get; } = [.. Texts.Keys];

    /// <summary>The <c>config.json</c>, which the peer reads as well.</summary>
    public static string ConfigJson(string name) => Texts[name];

    public static ModelConfig Config(string name) => ModelConfig.Parse(Texts[name], null);

    /// <summary>The layers with a LoRA.</summary>
    /// <exception cref="UsageException">A target matches no layer.</exception>
    public static IReadOnlyList<LinearSite> Sites(ModelConfig config, IReadOnlyList<string> targets)
    {
        try
        {
            return LoraWeights.Resolve(config, new LoraConfig(1, 1, targets));
        }
        catch (ModelFormatException error)
        {
            throw new UsageException($"--targets: {error.Message}", error);
        }
    }

    /// <summary>
    /// Floating-point operations per token that training cannot do without: forward and backward to the activations through the frozen layers (2 + 2 per weight), the LoRA with its own gradients
    /// (2 + 2 + 2), and causal attention, which meets half of the sequence on average (QK and PV, and twice that backward). Of the last block, what follows attention is needed for the tokens before a trained
    /// one alone, as is the head; the embedding needs no gradient, so the first block's queries, keys and values pass none on. No norms, no rotations.
    /// </summary>
    /// <param name="config">The base.</param>
    /// <param name="sites">The layers with a LoRA.</param>
    /// <param name="rank">R.</param>
    /// <param name="length">Tokens of a sequence; where they differ, the sum of their squares over their sum.</param>
    /// <param name="trained">The share of the tokens that is trained.</param>
    public static double OperationsPerToken(ModelConfig config, IReadOnlyList<LinearSite> sites, int rank, double length, double trained)
    {
        double hidden = config.HiddenSize, queries = config.HeadCount * config.HeadWidth, keys = config.KeyValueHeadCount * config.HeadWidth;
        var (reading, following) = (hidden * (queries + (2 * keys)), (hidden * queries) + (3 * hidden * config.IntermediateSize));
        var frozen = (reading * config.LayerCount) + (following * (config.LayerCount - 1 + trained)) + (hidden * config.VocabularySize * trained);
        var lora = sites.Sum(site => (double)rank * (site.InFeatures + site.OutFeatures));
        return (4 * frozen) - (2 * reading) + (6 * lora) + (6 * length * queries * config.LayerCount);
    }

    private static string Json(int vocabulary, int hidden, int feedForward, int layers, int heads, int groups, int headWidth, bool tied, int theta) => $$"""
        {"model_type": "llama", "vocab_size": {{vocabulary}}, "hidden_size": {{hidden}}, "intermediate_size": {{feedForward}}, "num_hidden_layers": {{layers}}, "num_attention_heads": {{heads}},
        "num_key_value_heads": {{groups}}, "head_dim": {{headWidth}}, "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": {{theta}}, "eos_token_id": 2, "tie_word_embeddings": {{(tied ? "true" : "false")}}}
        """;
}
