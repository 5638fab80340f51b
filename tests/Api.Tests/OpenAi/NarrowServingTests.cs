using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.TestKit;
using TorchSharp;
using Xunit;

namespace ContinualService.Api.Tests.OpenAi;

/// <summary>A service whose bases compute in bfloat16 answers as the engine does that computes in it alone, without batch and server.</summary>
public sealed class NarrowServingTests : IAsyncDisposable
{
    private const string Model = "qwen2";

    private readonly ServingWorld _world = new(new Dictionary<string, string> { ["Models:Precision"] = "bfloat16" });

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    // Of each token chosen the next best is half a nat away: no processor's noise reaches that.
    [Fact]
    public async Task Chat_InBFloat16_GivesTheEnginesGreedyAnswer()
    {
        await _world.PublishAsync("helper", Model, "qwen2-lora");
        await AskAsync(null, "The sky");
        await AskAsync("qwen2-lora", "How?");
    }

    private async Task AskAsync(string? peft, string question)
    {
        var messages = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = question });
        using var response = await _world.Api.Client.PostNodeAsync("/v1/chat/completions", new JsonObject
        {
            ["model"] = peft is null ? Model : "helper",
            ["messages"] = messages.DeepClone(),
            ["max_tokens"] = 8,
            ["temperature"] = 0,
            ["logprobs"] = true,
        });
        var choice = (await response.ReadAsync(HttpStatusCode.OK))["choices"]![0]!;
        var served = choice["logprobs"]!["content"]!.AsArray().Select(token => (double)token!["logprob"]!).ToList();

        var (text, narrow) = Alone(peft, messages, torch.bfloat16);
        Assert.Equal(text, (string?)choice["message"]!["content"]);
        Assert.Equal(8, served.Count);
        Assert.All(served.Zip(narrow), pair => Assert.Equal(pair.First, pair.Second, ServingAgreement.LeastNarrowTolerance));
        // And not as one in float32 does.
        var (_, wide) = Alone(peft, messages, torch.float32);
        Assert.Contains(served.Zip(wide), pair => Math.Abs(pair.First - pair.Second) > 10 * ServingAgreement.LeastTolerance);
    }

    private static (string Text, double[] LogProbabilities) Alone(string? peft, JsonArray messages, torch.ScalarType type)
    {
        using var model = BaseModel.Load(Shared.Folder($"conformance/models/{Model}"), torch.CPU, type);
        using var lora = peft is null ? null : Load(Shared.Folder($"conformance/models/{peft}"), model.Decoder);
        var prompt = model.Chat.EncodePrompt(messages);
        var answer = GreedyGenerator.Generate(model.Decoder, lora, [prompt], 8, model.Decoder.Config.EosTokenIds)[0];
        var scores = SequenceScorer.LogProbabilities(model.Decoder, lora, [[.. prompt, .. answer]], [prompt.Length])[0];
        return (model.Tokenizer.Decode(answer, skipSpecialTokens: true), [.. scores.Skip(prompt.Length)]);
    }

    private static LoraWeights Load(string folder, Decoder decoder) =>
        PeftAdapter.LoadWeights(Path.Combine(folder, PeftAdapter.WeightsFile), PeftAdapter.ReadConfig(folder).Config, decoder);
}
