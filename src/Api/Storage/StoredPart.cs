namespace ContinualService.Api.Storage;

/// <summary>An object of the store that a row of this adapter names.</summary>
/// <param name="Kind">weights, state, trainingRows, heldOutRows or checkpoint.</param>
/// <param name="Sha256">Its digest, which is its key.</param>
/// <param name="Bytes">Its length in the store; null: the store has no such object.</param>
/// <param name="NamedBy">Rows of yours that name these bytes; they are stored once.</param>
public sealed record StoredPart(string Kind, string Sha256, long? Bytes, int NamedBy);
