namespace ContinualService.Engine.Inference.Batching;

/// <summary>How much a <see cref="BatchEngine"/> does at once.</summary>
/// <param name="MaxRows">Sequences that share a step.</param>
/// <param name="MaxAdapters">Different adapters that share a step; further ones wait for a slot.</param>
/// <param name="StepTokens">Tokens of one step. Longer prompts are read in pieces of this, so that running answers go on meanwhile.</param>
/// <param name="CacheTokens">Tokens whose keys and values are kept in memory, of running sequences and of finished ones whose beginning may come again.</param>
/// <param name="MaxWaiting">Requests that may wait for a place.</param>
/// <param name="MaxWaitingPerOwner">Requests of one owner that may wait.</param>
public sealed record BatchOptions(int MaxRows = 16, int MaxAdapters = 16, int StepTokens = 256, long CacheTokens = 16_384, int MaxWaiting = 1_024, int MaxWaitingPerOwner = 256);
