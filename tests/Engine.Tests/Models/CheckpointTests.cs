using System.Text.Json.Nodes;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Models;

public sealed class CheckpointTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("checkpoint").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Load_WhatWasWritten_GivesTheSameHiddenStates()
    {
        using var scope = NewDisposeScope();
        using var decoder = TinyModels.Create("qwen3");
        SafetensorsWriter.Write(Path.Combine(_folder, "model.safetensors"), decoder.Weights);

        using var loaded = Decoder.Load(_folder, decoder.Config, CPU, ScalarType.Float32);

        var ids = ConformanceCases.Ids(TinyModels.Ids(8));
        Assert.Equal(0f, decoder.Hidden(ids).sub(loaded.Hidden(ids)).abs().max().item<float>());
    }

    [Fact]
    public void Load_AsBFloat16_StaysCloseToFloat32()
    {
        using var scope = NewDisposeScope();
        using var decoder = TinyModels.Create("qwen3");
        SafetensorsWriter.Write(Path.Combine(_folder, "model.safetensors"), decoder.Weights);
        using var loaded = Decoder.Load(_folder, decoder.Config, CPU, ScalarType.BFloat16);
        using var lora = TinyModels.CreateLora(decoder, new LoraConfig(2, 2, ["q_proj"]));
        var ids = ConformanceCases.Ids(TinyModels.Ids(8));

        var hidden = loaded.Hidden(ids, lora);

        Assert.Equal(ScalarType.BFloat16, hidden.dtype);
        Assert.Equal(ScalarType.Float32, loaded.Logits(hidden).dtype);
        Assert.InRange(decoder.Hidden(ids, lora).sub(hidden).abs().mean().item<float>(), 0f, 0.1f);
    }

    [Fact]
    public void Load_OldBuffersAndTheTiedHead_AreIgnored()
    {
        using var decoder = TinyModels.Create("llama", """, "tie_word_embeddings": true """);
        Write(decoder, weights =>
        {
            weights["model.layers.0.self_attn.rotary_emb.inv_freq"] = ones(4);
            weights["lm_head.weight"] = ones(40, 16);
        });

        using var loaded = Decoder.Load(_folder, decoder.Config, CPU, ScalarType.Float32);

        Assert.Equal(decoder.Weights.Keys.Order(), loaded.Weights.Keys.Order());
    }

    [Theory]
    [InlineData("model.norm.weight", null, "Missing: model.norm.weight")]
    [InlineData(null, "model.layers.0.self_attn.q_proj.bias", "Unexpected: model.layers.0.self_attn.q_proj.bias")]
    [InlineData(null, "model.layers.2.mlp.up_proj.weight", "Unexpected: model.layers.2.mlp.up_proj.weight")]
    [InlineData(null, "model.norm.weight", "shape [3]")]
    public void Load_WeightsThatDoNotFit_AreRefused(string? without, string? with, string named)
    {
        using var decoder = TinyModels.Create();
        Write(decoder, weights =>
        {
            if (without is not null) weights.Remove(without);
            if (with is not null) weights[with] = ones(3);
        });

        var error = Assert.Throws<ModelFormatException>(() => Decoder.Load(_folder, decoder.Config, CPU, ScalarType.Float32));

        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_NoWeights_SaysWhatIsRead()
    {
        using var decoder = TinyModels.Create();

        var error = Assert.Throws<ModelFormatException>(() => Decoder.Load(_folder, decoder.Config, CPU, ScalarType.Float32));

        Assert.Contains("model.safetensors.index.json", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../model.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("weights.bin")]
    [InlineData("")]
    public void Load_IndexThatNamesAnotherPlace_IsRefused(string shard)
    {
        using var decoder = TinyModels.Create();
        File.WriteAllText(Path.Combine(_folder, "model.safetensors.index.json"), new JsonObject { ["weight_map"] = new JsonObject { ["a"] = shard } }.ToJsonString());

        var error = Assert.Throws<ModelFormatException>(() => Decoder.Load(_folder, decoder.Config, CPU, ScalarType.Float32));

        Assert.Contains("same folder", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_ShardWithoutItsIndexEntry_IsRefused()
    {
        using var decoder = TinyModels.Create();
        SafetensorsWriter.Write(Path.Combine(_folder, "model-1.safetensors"), decoder.Weights);
        var map = new JsonObject(decoder.Weights.Keys.Where(name => name != "model.norm.weight").Select(name => KeyValuePair.Create(name, (JsonNode?)"model-1.safetensors")));
        File.WriteAllText(Path.Combine(_folder, "model.safetensors.index.json"), new JsonObject { ["weight_map"] = map }.ToJsonString());

        var error = Assert.Throws<ModelFormatException>(() => Decoder.Load(_folder, decoder.Config, CPU, ScalarType.Float32));

        Assert.Contains("model.norm.weight", error.Message, StringComparison.Ordinal);
    }

    private void Write(Decoder decoder, Action<Dictionary<string, Tensor>> change)
    {
        using var scope = NewDisposeScope();
        var weights = decoder.Weights.ToDictionary(item => item.Key, item => item.Value);
        change(weights);
        SafetensorsWriter.Write(Path.Combine(_folder, "model.safetensors"), weights);
    }
}
