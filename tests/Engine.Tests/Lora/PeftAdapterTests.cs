using System.Text.Json.Nodes;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using TorchSharp;
using Xunit;

namespace ContinualService.Engine.Tests.Lora;

public sealed class PeftAdapterTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("peft").FullName;
    private readonly Decoder _decoder = TinyModels.Create();

    public void Dispose()
    {
        _decoder.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Save_ThenLoad_GivesTheSameAdapter()
    {
        var config = new LoraConfig(4, 6, ["v_proj", "down_proj"], UseRsLora: true)
        {
            RankPattern = new Dictionary<string, int> { ["layers.1.self_attn.v_proj"] = 2 },
            AlphaPattern = new Dictionary<string, double> { ["down_proj"] = 3.5 },
            Dropout = 0.1,
        };
        using var lora = TinyModels.CreateLora(_decoder, config);

        PeftAdapter.Save(_folder, config, lora, "tiny", new JsonObject { ["method"] = "slao", ["i"] = 3 });
        var (read, weights) = PeftAdapter.Load(_folder, _decoder);

        using (weights)
        {
            Assert.Equal((config.Rank, config.Alpha, true, 0.1), (read.Rank, read.Alpha, read.UseRsLora, read.Dropout));
            Assert.Equal(["down_proj", "v_proj"], read.TargetModules);
            Assert.Equal(lora.Pairs.Select(pair => (pair.Site, pair.Scale)), weights.Pairs.Select(pair => (pair.Site, pair.Scale)));
            foreach (var (wanted, found) in lora.Pairs.Zip(weights.Pairs))
            {
                Assert.Equal(wanted.A.data<float>().ToArray(), found.A.data<float>().ToArray());
                Assert.Equal(wanted.B.data<float>().ToArray(), found.B.data<float>().ToArray());
            }
        }

        using var file = SafetensorsFile.Open(Path.Combine(_folder, PeftAdapter.WeightsFile));
        Assert.Equal("slao", file.Metadata["method"]);
        Assert.Equal("3", file.Metadata["i"]);
        Assert.Equal([2, 16], file.Shape("base_model.model.model.layers.1.self_attn.v_proj.lora_A.weight"));
        Assert.Equal(3, JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, PeftAdapter.FactsFile)))!["i"]!.GetValue<int>());
        Assert.Contains("base_model: tiny", File.ReadAllText(Path.Combine(_folder, "README.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void Scales_OfPatterns_FollowPeft()
    {
        var config = new LoraConfig(4, 6, ["v_proj", "down_proj"])
        {
            RankPattern = new Dictionary<string, int> { ["layers.1.self_attn.v_proj"] = 2 },
            AlphaPattern = new Dictionary<string, double> { ["down_proj"] = 3.5 },
        };

        Assert.Equal(1.5, config.ScaleOf("model.layers.0.self_attn.v_proj"));
        Assert.Equal(3.0, config.ScaleOf("model.layers.1.self_attn.v_proj"));
        Assert.Equal(3.5 / 4, config.ScaleOf("model.layers.1.mlp.down_proj"));
        // The key must begin at a component: xlayers.1... is another module.
        Assert.Equal(1.5, config.ScaleOf("model.xlayers.1.self_attn.v_proj"));
        Assert.Equal(3.0, (config with { UseRsLora = true }).ScaleOf("model.layers.0.self_attn.v_proj"));
    }

    [Fact]
    public void Save_AllLinear_ListsTheNames()
    {
        var config = new LoraConfig(2, 4, [LoraConfig.AllLinear]);
        using var lora = TinyModels.CreateLora(_decoder, config);

        PeftAdapter.Save(_folder, config, lora, "tiny");

        Assert.Equal(
            ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"],
            JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, "adapter_config.json")))!["target_modules"]!.AsArray().Select(name => name!.GetValue<string>()));
    }

    [Theory]
    [InlineData("llama2", "llama2-lora")]
    [InlineData("llama3", "llama3-lora-qv-rs")]
    public void Save_ConformanceAdapter_GivesTheSameFiles(string model, string adapter)
    {
        using var decoder = ConformanceCases.LoadDecoder(model);
        var (config, weights) = PeftAdapter.Load(ConformanceCases.Folder(adapter), decoder);

        using (weights) PeftAdapter.Save(_folder, config, weights, model);

        Assert.Equal(
            File.ReadAllText(Path.Combine(ConformanceCases.Folder(adapter), "adapter_config.json")).Trim(),
            File.ReadAllText(Path.Combine(_folder, "adapter_config.json")).Trim());
        using var published = SafetensorsFile.Open(Path.Combine(ConformanceCases.Folder(adapter), PeftAdapter.WeightsFile));
        using var written = SafetensorsFile.Open(Path.Combine(_folder, PeftAdapter.WeightsFile));
        Assert.Equal(published.Names, written.Names);
        foreach (var name in published.Names)
        {
            using var wanted = published.Read(name);
            using var found = written.Read(name);
            Assert.Equal(wanted.bytes.ToArray(), found.bytes.ToArray());
        }
    }

    [Theory]
    [InlineData("use_dora", "true", "DoRA")]
    [InlineData("modules_to_save", "[\"lm_head\"]", "modules")]
    [InlineData("bias", "\"all\"", "bias")]
    [InlineData("fan_in_fan_out", "true", "fan_in_fan_out")]
    [InlineData("layer_replication", "[[0, 1]]", "layer_replication")]
    [InlineData("layers_to_transform", "[0]", "layers_to_transform")]
    [InlineData("init_lora_weights", "\"pissa\"", "init_lora_weights")]
    [InlineData("peft_type", "\"IA3\"", "LORA")]
    [InlineData("task_type", "\"SEQ_CLS\"", "CAUSAL_LM")]
    [InlineData("target_modules", "\".*proj\"", "patterns")]
    [InlineData("target_modules", "[\"q_proj\", \"nothing\"]", "nothing")]
    [InlineData("target_modules", "[\"q_proj\", \"v_proj\", \"k_proj\"]", "k_proj")]
    [InlineData("target_modules", "[\"q_proj\"]", "v_proj")]
    [InlineData("r", "8", "shape")]
    [InlineData("r", "0", "at least 1")]
    [InlineData("r", "5000", "at most")]
    [InlineData("rank_pattern", "{\"(\": 2}", "pattern")]
    [InlineData("rank_pattern", "{\"(a)\\\\1\": 2}", "pattern")]
    [InlineData("something_new", "1", "something_new")]
    public void Load_ConfigThatChangesTheArithmetic_IsRefusedWithTheReason(string field, string value, string named)
    {
        SaveQueryValue();
        Change(json => json[field] = JsonNode.Parse(value));

        var error = Assert.Throws<ModelFormatException>(() => PeftAdapter.Load(_folder, _decoder));

        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_HarmlessFieldsOfNewerPeft_AreIgnored()
    {
        SaveQueryValue();
        Change(json =>
        {
            foreach (var name in new[] { "eva_config", "corda_config", "megatron_config", "layer_replication", "trainable_token_indices", "exclude_modules", "arrow_config", "target_parameters" }) json[name] = null;
            json["loftq_config"] = new JsonObject();
            json["megatron_core"] = "megatron.core";
            json["lora_bias"] = false;
            json["use_qalora"] = false;
            json["qalora_group_size"] = 16;
            json["peft_version"] = "0.18.0";
        });

        var (_, weights) = PeftAdapter.Load(_folder, _decoder);

        using (weights) Assert.Equal(4, weights.Pairs.Count);
    }

    [Fact]
    public void Load_ValuesThatAreNotFinite_AreRefused()
    {
        var config = new LoraConfig(4, 8, ["q_proj", "v_proj"]);
        using var lora = TinyModels.CreateLora(_decoder, config);
        using (torch.no_grad()) lora.Pairs[1].B.fill_(float.NaN);
        PeftAdapter.Save(_folder, config, lora, "tiny");

        var error = Assert.Throws<ModelFormatException>(() => PeftAdapter.Load(_folder, _decoder));

        Assert.Contains("not finite", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight", null, "missing")]
    [InlineData(null, "base_model.model.model.layers.7.self_attn.q_proj.lora_A.weight", "another base")]
    [InlineData(null, "base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector", "unexpected")]
    public void Load_MissingOrUnexpectedTensor_IsRefused(string? without, string? with, string named)
    {
        SaveQueryValue();
        using var scope = torch.NewDisposeScope();
        var path = Path.Combine(_folder, PeftAdapter.WeightsFile);
        Dictionary<string, torch.Tensor> tensors;
        using (var file = SafetensorsFile.Open(path)) tensors = file.Names.ToDictionary(name => name, file.Read);
        if (without is not null) tensors.Remove(without);
        if (with is not null) tensors[with] = torch.ones(4, 16);
        SafetensorsWriter.Write(path, tensors);

        var error = Assert.Throws<ModelFormatException>(() => PeftAdapter.Load(_folder, _decoder));

        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Resolve_UnknownName_ListsWhatExists()
    {
        var error = Assert.Throws<ModelFormatException>(() => LoraWeights.Resolve(_decoder, new LoraConfig(2, 2, ["query"])));

        Assert.Contains("q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Resolve_NamesAndSuffixes_PickTheirLayers()
    {
        string[] Paths(params string[] targets) => [.. LoraWeights.Resolve(_decoder, new LoraConfig(2, 2, targets)).Select(site => site.Path)];

        Assert.Equal(["model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.q_proj"], Paths("q_proj"));
        Assert.Equal(["model.layers.1.self_attn.q_proj"], Paths("layers.1.self_attn.q_proj", "1.self_attn.q_proj"));
        Assert.Equal(14, Paths(LoraConfig.AllLinear).Length);
    }

    private void SaveQueryValue()
    {
        var config = new LoraConfig(4, 8, ["q_proj", "v_proj"]);
        using var lora = TinyModels.CreateLora(_decoder, config);
        PeftAdapter.Save(_folder, config, lora, "tiny");
    }

    private void Change(Action<JsonObject> change)
    {
        var path = Path.Combine(_folder, "adapter_config.json");
        var json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        change(json);
        File.WriteAllText(path, json.ToJsonString());
    }
}
