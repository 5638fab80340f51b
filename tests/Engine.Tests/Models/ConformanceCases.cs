using System.Text.Json;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.TestKit;
using TorchSharp;
using Xunit;

namespace ContinualService.Engine.Tests.Models;

/// <summary>The tiny models of the conformance data with their published logits and greedy continuations.</summary>
internal static class ConformanceCases
{
    public static readonly TheoryData<string, string?> All = new()
    {
        { "llama2", null }, { "llama2", "llama2-lora" }, { "llama3", null }, { "llama3", "llama3-lora" }, { "llama3", "llama3-lora-qv-rs" },
        { "llama3tied", null }, { "llama3tied", "llama3tied-lora" }, { "qwen2", null }, { "qwen2", "qwen2-lora" },
    };

    /// <param name="Greedy">The reference's continuation, up to its first tie: beyond it, rounding alone decides.</param>
    public sealed record Expected(int[] Prompt, int[] Greedy, float[][] Logits);

    // The best two logits are closer than float32 arithmetic in another order may move them.
    private const double Tie = 1e-4;

    public static string Folder(string name) => Shared.Folder($"conformance/models/{name}");

    public static Decoder LoadDecoder(string model) =>
        Decoder.Load(Folder(model), ModelConfig.Load(Folder(model)), torch.CPU, torch.ScalarType.Float32);

    public static LoraWeights? LoadLora(string? adapter, Decoder decoder) => adapter is null ? null : PeftAdapter.Load(Folder(adapter), decoder).Weights;

    public static Expected Read(string model, string? adapter)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Shared.Folder("conformance/models/expected.json")));
        var found = json.RootElement.GetProperty("cases").EnumerateArray()
            .Single(item => item.GetProperty("model").GetString() == model && item.GetProperty("adapter").GetString() == adapter);
        var decided = found.GetProperty("margin").EnumerateArray().TakeWhile(margin => margin.GetDouble() > Tie).Count();
        return new Expected(
            Ints(json.RootElement.GetProperty("prompt")), Ints(found.GetProperty("greedy"))[..decided],
            [.. found.GetProperty("logits").EnumerateArray().Select(row => row.EnumerateArray().Select(value => value.GetSingle()).ToArray())]);
    }

    public static torch.Tensor Ids(params int[] ids) => torch.tensor(ids.Select(id => (long)id).ToArray(), torch.int64).unsqueeze(0);

    private static int[] Ints(JsonElement list) => [.. list.EnumerateArray().Select(value => value.GetInt32())];
}
