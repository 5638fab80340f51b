using ContinualService.Engine.Lora;

namespace ContinualService.Engine.Inference.Batching;

/// <summary>An adapter that a sequence runs with. <paramref name="Weights"/> must live until the sequence has ended.</summary>
/// <param name="Digest">What makes the weights what they are; every cache is keyed by it, never by a name.</param>
/// <param name="Weights">For the engine's own base model.</param>
public sealed record BatchAdapter(string Digest, LoraWeights Weights);
