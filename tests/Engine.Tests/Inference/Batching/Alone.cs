using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using Xunit;

namespace ContinualService.Engine.Tests.Inference.Batching;

/// <summary>What a request gives that has the model to itself: whole sequences without cache, batch or table.</summary>
internal static class Alone
{
    public const float Tolerance = 1e-4f;

    public static int[] Greedy(Decoder decoder, LoraWeights? lora, int[] prompt, int newTokens) => GreedyGenerator.Generate(decoder, lora, [prompt], newTokens, [])[0];

    /// <summary>Every new token's log-probability is that of this adapter alone.</summary>
    public static void AssertIsOwn(Decoder decoder, LoraWeights? lora, int[] prompt, Answer answer)
    {
        Assert.Null(answer.Error);
        var expected = SequenceScorer.LogProbabilities(decoder, lora, [[.. prompt, .. answer.Ids]])[0];
        for (var i = 0; i < answer.Tokens.Count; i++) Assert.InRange((float)answer.Tokens[i].LogProbability - expected[prompt.Length + i], -Tolerance, Tolerance);
    }
}
