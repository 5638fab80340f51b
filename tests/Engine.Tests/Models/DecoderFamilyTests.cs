using ContinualService.Engine.Models;
using TorchSharp;
using Xunit;

namespace ContinualService.Engine.Tests.Models;

/// <summary>What the conformance models do not cover, against an independent float64 implementation.</summary>
public sealed class DecoderFamilyTests
{
    [Theory]
    [InlineData("llama", """, "attention_bias": true, "mlp_bias": true """)]
    [InlineData("llama", """, "rope_scaling": {"type": "linear", "factor": 4.0}, "tie_word_embeddings": true """)]
    [InlineData("llama", """, "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16, "beta_fast": 2, "beta_slow": 0.3} """)]
    [InlineData("mistral", """, "sliding_window": 5 """)]
    [InlineData("mistral", """, "sliding_window": null """)]
    [InlineData("qwen2", """, "use_sliding_window": true, "sliding_window": 4, "max_window_layers": 1 """)]
    [InlineData("qwen2", """, "use_sliding_window": true, "sliding_window": 4, "layer_types": ["sliding_attention", "full_attention"] """)]
    [InlineData("qwen3", """, "rope_parameters": {"rope_type": "default", "rope_theta": 1000000} """)]
    [InlineData("qwen3", """, "attention_bias": true, "tie_word_embeddings": true """)]
    public void Logits_OfFamily_EqualTheReference(string family, string more)
    {
        using var scope = torch.NewDisposeScope();
        using var decoder = TinyModels.Create(family, more);
        var ids = TinyModels.Ids(20);

        var logits = decoder.Logits(decoder.Hidden(ConformanceCases.Ids(ids)));

        var expected = new ReferenceDecoder(decoder.Config, decoder).Logits(ids);
        var wanted = torch.tensor(expected.SelectMany(row => row).ToArray()).view(1, ids.Length, -1);
        var largest = wanted.abs().max().item<double>();
        Assert.InRange(logits.to(torch.float64).sub(wanted).abs().max().item<double>(), 0, 2e-5 * Math.Max(1, largest));
        // The options must matter, or the comparison says nothing.
        Assert.InRange(largest, 0.1, 1e4);
    }

    [Fact]
    public void Yarn_WithMScale_ScalesByTheRatio()
    {
        var rope = new RopeConfig { Type = RopeType.Yarn, Factor = 40, OriginalMaxPositions = 4096, MScale = 1, MScaleAllDimensions = 0.5 };

        var (_, factor) = RotaryFrequencies.Compute(rope, 64);

        Assert.Equal((0.1 * Math.Log(40) + 1) / (0.05 * Math.Log(40) + 1), factor, 12);
    }

    [Fact]
    public void Yarn_FastAndSlowPairs_AreKeptAndStretchedWhole()
    {
        var rope = new RopeConfig { Type = RopeType.Yarn, Factor = 8, OriginalMaxPositions = 4096 };

        var (frequencies, factor) = RotaryFrequencies.Compute(rope, 64);
        var (plain, _) = RotaryFrequencies.Compute(new RopeConfig(), 64);

        Assert.Equal(plain[0], frequencies[0], 12);
        Assert.Equal(plain[^1] / 8, frequencies[^1], 12);
        Assert.Equal(0.1 * Math.Log(8) + 1, factor, 12);
    }

    [Fact]
    public void Rope_BeyondTheFirstTable_StaysTheSame()
    {
        using var scope = torch.NewDisposeScope();
        using var table = new RotaryTable(new RopeConfig(), 8, torch.CPU, torch.ScalarType.Float32);
        var early = table.AtLeast(10).Cos.narrow(0, 0, 10).clone();

        var longer = table.AtLeast(1000).Cos;

        Assert.True(longer.shape[0] >= 1000);
        Assert.True(longer.narrow(0, 0, 10).sub(early).abs().max().item<float>() == 0f);
    }
}
