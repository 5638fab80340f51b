using ContinualService.Engine.Gguf;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.TestKit.Llama;
using TorchSharp;

namespace ContinualService.Bench.Serving;

/// <summary>A base with adapters of random weights, in memory and as GGUF files: speed does not depend on what they say.</summary>
internal sealed class BenchModel : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("bench-serving").FullName;
    private readonly List<LoraWeights> _loras = [];

    public static readonly IReadOnlyDictionary<string, string> Shapes = new Dictionary<string, string>
    {
        ["15M"] = Json(hidden: 288, feedForward: 768, layers: 6, heads: 6),
        ["110M"] = Json(hidden: 768, feedForward: 2048, layers: 12, heads: 12),
    };

    public BenchModel(string shape, int adapters)
    {
        var config = ModelConfig.Parse(Shapes[shape], null);
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var generator = new torch.Generator(1, torch.CPU);
        Decoder = new Decoder(config, Decoder.CreateWeights(config, generator)).IntoLargePages();
        GgufBase.Write(ModelFile, Decoder);
        var lora = new LoraConfig(8, 16, [LoraConfig.AllLinear]);
        for (var index = 0; index < adapters; index++)
        {
            var weights = LoraWeights.CreateFresh(Decoder, lora, generator);
            foreach (var pair in weights.Pairs) pair.B.add_(torch.randn(pair.B.shape, generator: generator).mul_(0.02));
            _loras.Add(weights);
            using var file = File.Create(LoraFile(index));
            GgufLora.Write(file, config, lora, weights, $"adapter-{index}");
        }
    }

    public Decoder Decoder { get; }

    public IReadOnlyList<LoraWeights> Loras => _loras;

    public string ModelFile => Path.Combine(_folder, "base.gguf");

    public IReadOnlyList<string> LoraFiles => [.. _loras.Select((_, index) => LoraFile(index))];

    /// <summary>Token ids without meaning, different for each seed.</summary>
    public int[] Prompt(int length, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(3, Decoder.Config.VocabularySize))];
    }

    public void Dispose()
    {
        foreach (var lora in _loras) lora.Dispose();
        Decoder.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string LoraFile(int index) => Path.Combine(_folder, $"lora-{index}.gguf");

    private static string Json(int hidden, int feedForward, int layers, int heads) => $$"""
        {"model_type": "llama", "vocab_size": 32000, "hidden_size": {{hidden}}, "intermediate_size": {{feedForward}}, "num_hidden_layers": {{layers}}, "num_attention_heads": {{heads}},
        "num_key_value_heads": {{heads}}, "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "eos_token_id": 2, "tie_word_embeddings": true}
        """;
}
