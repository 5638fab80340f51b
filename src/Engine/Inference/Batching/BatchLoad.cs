namespace ContinualService.Engine.Inference.Batching;

/// <summary>How busy an engine was before its last step.</summary>
/// <param name="Running">Sequences that share the steps.</param>
/// <param name="Waiting">Sequences in line.</param>
/// <param name="Slots">Adapters in the batch's slots, in use or not.</param>
/// <param name="CacheTokens">Tokens for whose keys and values memory is held.</param>
public sealed record BatchLoad(int Running, int Waiting, int Slots, long CacheTokens);
