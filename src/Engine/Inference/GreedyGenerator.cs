using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;

namespace ContinualService.Engine.Inference;

/// <summary>Greedy decoding of many prompts at once.</summary>
public static class GreedyGenerator
{
    /// <summary>New ids per prompt, in the order given; the stop id that ended a row is left out.</summary>
    public static int[][] Generate(Decoder decoder, LoraWeights? lora, IReadOnlyList<int[]> prompts, int maxNewTokens, IReadOnlyList<int> stopIds) => throw new NotImplementedException();
}
