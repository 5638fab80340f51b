using ContinualService.Engine.Gguf;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using ContinualService.TestKit.Llama;
using TorchSharp;
using Xunit;

namespace ContinualService.Engine.Tests.Gguf;

/// <summary>llama.cpp loads our LoRA over the same base and computes what we compute, to 1e-4 per logit in float32.</summary>
public sealed class LlamaCppTests : IDisposable
{
    private const float Tolerance = 1e-4f;

    private readonly string _folder = Directory.CreateTempSubdirectory("gguf").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("llama2", null)]
    [InlineData("llama2", "llama2-lora")]
    [InlineData("llama3", "llama3-lora")]
    [InlineData("llama3", "llama3-lora-qv-rs")]
    [InlineData("llama3tied", "llama3tied-lora")]
    [InlineData("qwen2", null)]
    [InlineData("qwen2", "qwen2-lora")]
    public async Task Logits_OfConformanceModel_AgreeWithLlamaCpp(string model, string? adapter)
    {
        using var decoder = ConformanceCases.LoadDecoder(model);
        var config = adapter is null ? null : PeftAdapter.ReadConfig(ConformanceCases.Folder(adapter)).Config;
        using var lora = ConformanceCases.LoadLora(adapter, decoder);

        await CompareAsync(decoder, config, lora, ConformanceCases.Read(model, adapter).Prompt);
    }

    [Theory]
    [InlineData("llama", false)]
    [InlineData("mistral", false)]
    [InlineData("qwen3", false)]
    [InlineData("mistral", true)]
    [InlineData("qwen3", true)]
    public async Task Logits_OfEachFamily_AgreeWithLlamaCpp(string family, bool patterns)
    {
        using var decoder = TinyModels.Create(family);
        var config = new LoraConfig(4, 6, [LoraConfig.AllLinear], UseRsLora: patterns);
        if (patterns)
        {
            config = config with
            {
                RankPattern = new Dictionary<string, int> { ["layers.1.self_attn.q_proj"] = 2 },
                AlphaPattern = new Dictionary<string, double> { ["down_proj"] = 3.5 },
            };
        }

        using var lora = TinyModels.CreateLora(decoder, config);

        await CompareAsync(decoder, config, lora, TinyModels.Ids(20));
    }

    private async Task CompareAsync(Decoder decoder, LoraConfig? config, LoraWeights? lora, int[] ids)
    {
        var (basePath, loraPath) = (Path.Combine(_folder, "base.gguf"), Path.Combine(_folder, "lora.gguf"));
        GgufBase.Write(basePath, decoder);
        if (lora is not null)
        {
            using var file = File.Create(loraPath);
            GgufLora.Write(file, decoder.Config, config!, lora, "test");
        }

        var theirs = await LlamaCpp.LogitsAsync(basePath, lora is null ? null : loraPath, ids, TestContext.Current.CancellationToken);

        var ours = Logits(decoder, ids, lora);
        Assert.Equal(ours.Length, theirs.Sum(row => row.Length));
        var difference = ours.Zip(theirs.SelectMany(row => row), (our, their) => Math.Abs(our - their)).Max();
        Assert.InRange(difference, 0, Tolerance);
        // The LoRA must matter, or the comparison says nothing about it.
        if (lora is not null) Assert.True(ours.Zip(Logits(decoder, ids, null), (with, without) => Math.Abs(with - without)).Max() > 100 * Tolerance);
    }

    private static float[] Logits(Decoder decoder, int[] ids, LoraWeights? lora)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        return [.. decoder.Logits(decoder.Hidden(ConformanceCases.Ids(ids), lora)).data<float>()];
    }
}
