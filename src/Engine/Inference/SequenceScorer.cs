using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;

namespace ContinualService.Engine.Inference;

/// <summary>Log-probabilities of given token sequences.</summary>
public static class SequenceScorer
{
    /// <summary>
    /// Per sequence, float[Length]: element t is log p(ids[t] | ids[..t]) in nats; element 0 and every element before <paramref name="firstScored"/>[row] are NaN (not computed).
    /// Sequences are batched by length and only the scored positions go through the head.
    /// </summary>
    public static float[][] LogProbabilities(Decoder decoder, LoraWeights? lora, IReadOnlyList<int[]> sequences, IReadOnlyList<int>? firstScored = null) => throw new NotImplementedException();
}
