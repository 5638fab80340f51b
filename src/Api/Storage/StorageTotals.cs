namespace ContinualService.Api.Storage;

/// <summary>All objects that this adapter's rows name.</summary>
/// <param name="Objects">Different ones.</param>
/// <param name="Bytes">Their length, each once: what the store holds.</param>
/// <param name="NamedBytes">Their length, each as often as a version or task of this adapter names it.</param>
/// <param name="SharedBytes">The difference: what is saved because equal bytes are stored once.</param>
/// <param name="Missing">Digests that are named and not in the store, or not with the length they had.</param>
/// <param name="Rows">Rows of the database, over all tasks.</param>
public sealed record StorageTotals(int Objects, long Bytes, long NamedBytes, long SharedBytes, IReadOnlyList<string> Missing, long Rows);
