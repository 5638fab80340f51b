using ContinualService.Engine.Models;
using TorchSharp;

namespace ContinualService.Engine.Tests.Models;

/// <summary>The same arithmetic as <see cref="Decoder"/>, one number at a time in float64 and without tensors: written from the papers, for comparison only.</summary>
internal sealed class ReferenceDecoder(ModelConfig config, Decoder decoder)
{
    private readonly Dictionary<string, double[]> _weights = decoder.Weights.ToDictionary(
        item => item.Key, item => item.Value.to(torch.float64).contiguous().data<double>().ToArray());

    public double[][] Logits(int[] ids)
    {
        var x = ids.Select(id => _weights["model.embed_tokens.weight"].AsSpan(id * config.HiddenSize, config.HiddenSize).ToArray()).ToArray();
        for (var layer = 0; layer < config.LayerCount; layer++)
        {
            var prefix = $"model.layers.{layer}.";
            var attended = Attention(layer, x.Select(row => Norm(row, prefix + "input_layernorm.weight")).ToArray(), prefix + "self_attn.");
            for (var t = 0; t < x.Length; t++)
            {
                x[t] = Add(x[t], attended[t]);
                var normed = Norm(x[t], prefix + "post_attention_layernorm.weight");
                var gate = Linear(normed, prefix + "mlp.gate_proj");
                var up = Linear(normed, prefix + "mlp.up_proj");
                x[t] = Add(x[t], Linear([.. gate.Select((g, i) => g / (1 + Math.Exp(-g)) * up[i])], prefix + "mlp.down_proj"));
            }
        }

        return [.. x.Select(row => Linear(Norm(row, "model.norm.weight"), config.TieWordEmbeddings ? "model.embed_tokens" : "lm_head"))];
    }

    private double[][] Attention(int layer, double[][] x, string prefix)
    {
        var width = config.HeadWidth;
        var queries = x.Select(row => Linear(row, prefix + "q_proj")).ToArray();
        var keys = x.Select(row => Linear(row, prefix + "k_proj")).ToArray();
        var values = x.Select(row => Linear(row, prefix + "v_proj")).ToArray();
        for (var t = 0; t < x.Length; t++)
        {
            Turn(queries[t], t, prefix + "q_norm.weight");
            Turn(keys[t], t, prefix + "k_norm.weight");
        }

        var result = new double[x.Length][];
        for (var t = 0; t < x.Length; t++)
        {
            var mixed = new double[config.HeadCount * width];
            for (var head = 0; head < config.HeadCount; head++)
            {
                var group = head * config.KeyValueHeadCount / config.HeadCount;
                var first = config.WindowOf(layer) is { } window ? Math.Max(0, t - window + 1) : 0;
                var scores = Enumerable.Range(first, t - first + 1).Select(s =>
                    Math.Exp(Enumerable.Range(0, width).Sum(i => queries[t][head * width + i] * keys[s][group * width + i]) / Math.Sqrt(width))).ToArray();
                for (var s = first; s <= t; s++)
                    for (var i = 0; i < width; i++) mixed[head * width + i] += scores[s - first] / scores.Sum() * values[s][group * width + i];
            }

            result[t] = Linear(mixed, prefix + "o_proj");
        }

        return result;
    }

    /// <summary>Per-head norm (qwen3) and rotation, in place.</summary>
    private void Turn(double[] heads, int position, string norm)
    {
        var width = config.HeadWidth;
        for (var start = 0; start < heads.Length; start += width)
        {
            var head = heads.AsSpan(start, width).ToArray();
            if (config.QueryKeyNorm) head = Norm(head, norm);
            for (var i = 0; i < width / 2; i++)
            {
                var (angle, size) = Angle(i, position);
                heads[start + i] = size * (head[i] * Math.Cos(angle) - head[i + width / 2] * Math.Sin(angle));
                heads[start + i + width / 2] = size * (head[i + width / 2] * Math.Cos(angle) + head[i] * Math.Sin(angle));
            }
        }
    }

    private (double Angle, double Size) Angle(int pair, int position)
    {
        var rope = config.Rope;
        var frequency = 1 / Math.Pow(rope.Theta, 2.0 * pair / config.HeadWidth);
        if (rope.Type == RopeType.Linear) return (position / rope.Factor * frequency, 1);
        if (rope.Type == RopeType.Default) return (position * frequency, 1);
        if (rope.Type != RopeType.Yarn) throw new NotSupportedException($"{rope.Type} is checked against published logits instead.");

        // arXiv 2309.00071: gamma is 1 where a pair turns more than beta_fast times over the original context and 0 below beta_slow.
        double Dimension(double turns) => config.HeadWidth * Math.Log(rope.OriginalMaxPositions!.Value / (turns * 2 * Math.PI)) / (2 * Math.Log(rope.Theta));
        var low = Math.Max(0, Math.Floor(Dimension(rope.BetaFast)));
        var high = Math.Min(config.HeadWidth - 1, Math.Ceiling(Dimension(rope.BetaSlow)));
        var gamma = 1 - Math.Clamp((pair - low) / (high - low), 0, 1);
        return (position * frequency * (gamma + (1 - gamma) / rope.Factor), 0.1 * Math.Log(rope.Factor) + 1);
    }

    private double[] Norm(double[] x, string weight)
    {
        var scale = 1 / Math.Sqrt(x.Sum(value => value * value) / x.Length + config.RmsNormEpsilon);
        return [.. x.Select((value, i) => value * scale * _weights[weight][i])];
    }

    private double[] Linear(double[] x, string path)
    {
        var weight = _weights[path + ".weight"];
        var bias = _weights.GetValueOrDefault(path + ".bias");
        return [.. Enumerable.Range(0, weight.Length / x.Length).Select(row =>
        {
            var sum = bias?[row] ?? 0;
            for (var i = 0; i < x.Length; i++) sum += weight[row * x.Length + i] * x[i];
            return sum;
        })];
    }

    private static double[] Add(double[] a, double[] b) => [.. a.Select((value, i) => value + b[i])];
}
