using System.Text.Json.Nodes;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Lora;

public sealed class MergedBaseTests : IDisposable
{
    private const string IndexFile = "model.safetensors.index.json";
    private readonly string _base = Directory.CreateTempSubdirectory("base").FullName;
    private readonly string _merged = Directory.CreateTempSubdirectory("merged").FullName;

    public void Dispose()
    {
        Directory.Delete(_base, recursive: true);
        Directory.Delete(_merged, recursive: true);
    }

    public static TheoryData<string, string> Adapted => new()
    {
        { "llama2", "llama2-lora" }, { "llama3", "llama3-lora" }, { "llama3", "llama3-lora-qv-rs" }, { "llama3tied", "llama3tied-lora" }, { "qwen2", "qwen2-lora" },
    };

    [Theory]
    [MemberData(nameof(Adapted))]
    public void Merged_OfConformanceModel_ComputesTheReference(string model, string adapter)
    {
        using var scope = NewDisposeScope();
        var folder = ConformanceCases.Folder(model);
        var config = PeftAdapter.ReadConfig(ConformanceCases.Folder(adapter)).Config;
        using var lora = PeftAdapter.LoadWeights(Path.Combine(ConformanceCases.Folder(adapter), PeftAdapter.WeightsFile), config, ModelConfig.Load(folder), CPU);

        CopyAsFloat32(folder);
        Unpack(MergedBase.Files(_base, lora));

        // As a base of its own, with the tokenizer and template that stand beside the weights.
        using var merged = BaseModel.Load(_merged, CPU, ScalarType.Float32);
        var expected = ConformanceCases.Read(model, adapter);
        var logits = merged.Decoder.Logits(merged.Decoder.Hidden(ConformanceCases.Ids(expected.Prompt)));
        var wanted = tensor(expected.Logits.SelectMany(row => row).ToArray()).view(1, expected.Prompt.Length, -1);
        Assert.InRange(logits.sub(wanted).abs().max().item<float>(), 0f, 1e-4f);
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    public void Merged_OfShards_RoundsOnceAndLeavesTheRestAlone(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var decoder = WriteShards(dtype);
        using var lora = TinyModels.CreateLora(decoder, new LoraConfig(4, 6, ["q_proj", "down_proj"]));
        // Two blocks of rows at least, and reads that end in the middle of a row.
        var files = MergedBase.Files(_base, lora);

        Unpack(files, bufferBytes: 37);

        Assert.Equal(["config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", IndexFile], files.Select(file => file.Name));
        Assert.Equal(File.ReadAllBytes(Path.Combine(_base, IndexFile)), File.ReadAllBytes(Path.Combine(_merged, IndexFile)));
        var changed = 0;
        foreach (var name in files.Select(file => file.Name).Where(name => name.EndsWith(".safetensors", StringComparison.Ordinal)))
        {
            using var before = SafetensorsFile.Open(Path.Combine(_base, name));
            using var after = SafetensorsFile.Open(Path.Combine(_merged, name));
            Assert.Equal(before.Names, after.Names);
            foreach (var tensorName in before.Names)
            {
                var (weight, found) = (before.Read(tensorName), after.Read(tensorName));
                var pair = lora.Pairs.SingleOrDefault(pair => pair.Site.Path + ".weight" == tensorName);
                var wanted = pair is null ? weight : (weight.to(float32) + pair.B.mm(pair.A) * pair.Scale).to(dtype);
                Assert.Equal(wanted.bytes.ToArray(), found.bytes.ToArray());
                if (pair is null) continue;
                Assert.NotEqual(weight.bytes.ToArray(), found.bytes.ToArray());
                changed++;
            }
        }

        Assert.Equal(4, changed);
    }

    [Fact]
    public void Read_AnywhereInAFile_GivesTheSameBytes()
    {
        using var decoder = WriteShards(ScalarType.BFloat16);
        using var lora = TinyModels.CreateLora(decoder, new LoraConfig(4, 6, [LoraConfig.AllLinear]));
        var file = MergedBase.Files(_base, lora).First(file => file.Name.EndsWith("1-of-00002.safetensors", StringComparison.Ordinal));
        using var stream = file.Open();
        var whole = new byte[stream.Length];
        stream.ReadExactly(whole);
        Assert.Equal(file.SizeBytes, stream.Length);

        var random = new Random(7);
        for (var trial = 0; trial < 200; trial++)
        {
            var part = new byte[random.Next(1, 300)];
            stream.Position = random.Next(whole.Length - part.Length);
            var from = (int)stream.Position;
            stream.ReadExactly(part);
            Assert.Equal(whole[from..(from + part.Length)], part);
        }
    }

    [Fact]
    public void Merged_WithWideLayers_IsComputedInBlocks()
    {
        using var scope = NewDisposeScope();
        // 40 rows of 200,003 columns: more than one block, whose rows do not divide the whole.
        const int Rows = 40, Columns = 200_003;
        var path = Path.Combine(_base, "model.safetensors");
        var weight = randn(Rows, Columns);
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["wide.weight"] = weight });
        using var lora = new LoraWeights([new LoraPair(new LinearSite(0, "wide", Columns, Rows), randn(2, Columns), randn(Rows, 2), 0.5)]);

        Unpack(MergedBase.Files(_base, lora));

        using var merged = SafetensorsFile.Open(Path.Combine(_merged, "model.safetensors"));
        var wanted = weight + lora.Pairs[0].B.mm(lora.Pairs[0].A) * 0.5;
        Assert.InRange(merged.Read("wide.weight").sub(wanted).abs().max().item<float>(), 0f, 1e-5f);
    }

    [Fact]
    public void Files_OfABaseWithoutTheLayer_AreRefused()
    {
        using var decoder = WriteShards(ScalarType.Float32);
        using var lora = TinyModels.CreateLora(decoder, new LoraConfig(4, 6, ["v_proj"]));
        File.Delete(Path.Combine(_base, IndexFile));
        SafetensorsWriter.Write(Path.Combine(_base, "model.safetensors"), new Dictionary<string, Tensor> { ["model.norm.weight"] = ones(16) });

        var error = Assert.Throws<ModelFormatException>(() => MergedBase.Files(_base, lora));

        Assert.Contains("model.layers.0.self_attn.v_proj.weight", error.Message, StringComparison.Ordinal);
    }

    /// <summary>The published numbers are float32's: a base in bfloat16 would round what is merged.</summary>
    private void CopyAsFloat32(string folder)
    {
        foreach (var path in Directory.EnumerateFiles(folder).Where(path => !path.Contains("safetensors", StringComparison.Ordinal))) File.Copy(path, Path.Combine(_base, Path.GetFileName(path)));
        var weights = new Dictionary<string, Tensor>();
        foreach (var path in Directory.EnumerateFiles(folder, "*.safetensors"))
        {
            using var file = SafetensorsFile.Open(path);
            foreach (var name in file.Names) weights[name] = file.Read(name).to(float32);
        }

        SafetensorsWriter.Write(Path.Combine(_base, "model.safetensors"), weights);
    }

    private void Unpack(IReadOnlyList<MergedFile> files, int bufferBytes = 1 << 16)
    {
        foreach (var file in files)
        {
            using var content = file.Open();
            using var target = File.Create(Path.Combine(_merged, file.Name));
            content.CopyTo(target, bufferBytes);
            Assert.Equal(file.SizeBytes, target.Length);
        }
    }

    /// <summary>A base of two shards in <see cref="_base"/>: every second tensor in the other.</summary>
    private Decoder WriteShards(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var config = ModelConfig.Parse(TinyModels.Json(), null);
        File.WriteAllText(Path.Combine(_base, "config.json"), TinyModels.Json());
        using var generator = new Generator(3, CPU);
        var weights = Decoder.CreateWeights(config, generator);
        var map = new JsonObject();
        foreach (var (shard, number) in weights.OrderBy(weight => weight.Key, StringComparer.Ordinal).Select((weight, index) => (weight, index))
            .GroupBy(item => item.index % 2, item => item.weight).Select(group => (group, group.Key + 1)))
        {
            var name = $"model-0000{number}-of-00002.safetensors";
            SafetensorsWriter.Write(Path.Combine(_base, name), shard.ToDictionary(weight => weight.Key, weight => weight.Value.to(dtype)));
            foreach (var (key, _) in shard) map[key] = name;
        }

        File.WriteAllText(Path.Combine(_base, IndexFile), new JsonObject { ["metadata"] = new JsonObject(), ["weight_map"] = map }.ToJsonString());
        return TinyModels.Create(config);
    }
}
