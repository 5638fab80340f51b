using System.Text.Json.Nodes;
using ContinualService.Engine.Data;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Training;

/// <summary>The tiny decoder and the rows of tools/golden/training_reference.py, made by the same integer formula.</summary>
internal static class TinyModel
{
    public static readonly JsonNode Golden = JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", "training.json")))!;

    public static readonly LoraConfig Lora = new((int)Golden["rank"]!, (double)Golden["alpha"]!, [LoraConfig.AllLinear]);

    public static Decoder Create() => Create(CPU);

    public static Decoder Create(Device device)
    {
        var config = ModelConfig.Parse(Golden["config"]!.ToJsonString(), null);
        var d = config.HiddenSize;
        Dictionary<string, Tensor> weights = new()
        {
            ["model.embed_tokens.weight"] = Matrix(1, config.VocabularySize, d, 2.0),
            ["model.norm.weight"] = Norm(2, d),
        };
        uint stream = 10;
        for (var layer = 0; layer < config.LayerCount; layer++)
        {
            var prefix = $"model.layers.{layer}.";
            weights[prefix + "input_layernorm.weight"] = Norm(stream++, d);
            weights[prefix + "post_attention_layernorm.weight"] = Norm(stream++, d);
            var (queries, groups, f) = (config.HeadCount * config.HeadWidth, config.KeyValueHeadCount * config.HeadWidth, config.IntermediateSize);
            foreach (var (name, rows, columns) in new[]
            {
                ("self_attn.q_proj", queries, d), ("self_attn.k_proj", groups, d), ("self_attn.v_proj", groups, d), ("self_attn.o_proj", d, queries),
                ("mlp.gate_proj", f, d), ("mlp.up_proj", f, d), ("mlp.down_proj", d, f),
            })
            {
                weights[prefix + name + ".weight"] = Matrix(stream++, rows, columns, 2.0 / Math.Sqrt(columns));
            }
        }

        return new Decoder(config, weights.ToDictionary(weight => weight.Key, weight => weight.Value.to(device)));
    }

    /// <summary>The first A of the reference, with B = 0.</summary>
    public static LoraWeights FirstLora(Decoder decoder) => new([.. decoder.Linears.Select((site, index) => new LoraPair(
        site, Matrix((uint)(500 + index), Lora.Rank, site.InFeatures, 2.0 / Math.Sqrt(site.InFeatures)).to(decoder.Device), zeros(site.OutFeatures, Lora.Rank, device: decoder.Device),
        Lora.ScaleOf(site.Path)))]);

    /// <summary>The rows of one of the reference's tasks (1-based): the last 2 to 4 tokens of each are trained.</summary>
    public static IReadOnlyList<EncodedExample> Rows(int task, int vocabularySize = 48) => [.. Enumerable.Range(0, (int)Golden["rows_per_task"]!).Select(r =>
    {
        var (length, trained) = (6 + (r + task) % 6, 2 + r % 3);
        int[] ids = [.. Noise((uint)(1000 + 100 * task + r), length).Select(u => (int)((u + 0.5) * vocabularySize))];
        int[] labels = [.. ids.Select((id, t) => t >= length - trained ? id : EncodedExample.IgnoreIndex)];
        return new EncodedExample(ids, labels, ids[..(length - trained)], null, []);
    })];

    private static Tensor Norm(uint stream, int width) => Matrix(stream, 1, width, 0.4).reshape(width).add_(1.0);

    private static Tensor Matrix(uint stream, int rows, int columns, double scale) =>
        tensor(Noise(stream, rows * columns).Select(u => (float)(u * scale)).ToArray()).reshape(rows, columns);

    /// <summary>Numbers in [-0.5, 0.5) from an integer hash, as in the Python script.</summary>
    private static double[] Noise(uint stream, int count)
    {
        var values = new double[count];
        for (uint k = 0; k < count; k++)
        {
            var x = unchecked(stream * 0x9E3779B9u + k * 0x85EBCA6Bu + 0x1234567u);
            x ^= x >> 16;
            x = unchecked(x * 0x7FEB352Du);
            x ^= x >> 15;
            x = unchecked(x * 0x846CA68Bu);
            x ^= x >> 16;
            values[k] = x / 4294967296.0 - 0.5;
        }

        return values;
    }
}
