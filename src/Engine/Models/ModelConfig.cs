namespace ContinualService.Engine.Models;

/// <summary>The shape of a decoder, read strictly from a Hugging Face <c>config.json</c> and <c>generation_config.json</c>.</summary>
public sealed record ModelConfig
{
    /// <summary>llama, mistral, qwen2 or qwen3.</summary>
    public required string ModelType { get; init; }
    public required int VocabularySize { get; init; }
    public required int HiddenSize { get; init; }
    public required int IntermediateSize { get; init; }
    public required int LayerCount { get; init; }
    public required int HeadCount { get; init; }
    public required int KeyValueHeadCount { get; init; }
    public required int HeadWidth { get; init; }

    /// <summary>Longest sequence in tokens that the model was made for.</summary>
    public required int MaxPositions { get; init; }
    public double RmsNormEpsilon { get; init; } = 1e-6;
    public bool TieWordEmbeddings { get; init; }

    /// <summary>Biases on q, k and v (qwen2 always; llama and qwen3 with <c>attention_bias</c>).</summary>
    public bool QueryKeyValueBias { get; init; }

    /// <summary>Bias on o (llama and qwen3 with <c>attention_bias</c>).</summary>
    public bool AttentionOutputBias { get; init; }
    public bool MlpBias { get; init; }

    /// <summary>RMSNorm per head on queries and keys before RoPE (qwen3).</summary>
    public bool QueryKeyNorm { get; init; }

    /// <summary>Attention window in tokens, null where every earlier token is seen.</summary>
    public int? SlidingWindow { get; init; }

    /// <summary>First layer that uses <see cref="SlidingWindow"/> when <see cref="SlidingLayers"/> is null.</summary>
    public int FirstSlidingLayer { get; init; }

    /// <summary>Per layer, whether it uses the window; null: every layer from <see cref="FirstSlidingLayer"/> on.</summary>
    public IReadOnlyList<bool>? SlidingLayers { get; init; }
    public RopeConfig Rope { get; init; } = new();
    public int? BosTokenId { get; init; }
    public int? PadTokenId { get; init; }

    /// <summary>Ids that end a generation; <c>generation_config.json</c> wins over <c>config.json</c>.</summary>
    public IReadOnlyList<int> EosTokenIds { get; init; } = [];

    /// <summary>The window of one layer, null for full attention.</summary>
    public int? WindowOf(int layer) =>
        SlidingWindow is null ? null
        : SlidingLayers is not null ? (SlidingLayers[layer] ? SlidingWindow : null)
        : layer >= FirstSlidingLayer ? SlidingWindow : null;

    /// <summary>Reads <c>config.json</c> and, where present, <c>generation_config.json</c> of a model folder.</summary>
    /// <exception cref="ModelFormatException">A file is absent, malformed, or describes a model this product does not compute.</exception>
    public static ModelConfig Load(string folder) => ModelConfigReader.Read(folder);

    /// <summary>Reads the text of both files; the second may be null.</summary>
    public static ModelConfig Parse(string configJson, string? generationConfigJson) => ModelConfigReader.Read(configJson, generationConfigJson);
}
