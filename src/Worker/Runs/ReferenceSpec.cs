namespace ContinualService.Worker.Runs;

/// <summary>The version under which an earlier task scored best.</summary>
/// <param name="Version">Its number.</param>
/// <param name="TaskIndex">The tasks it had learned: its rank may follow from that.</param>
/// <param name="Weights">The served weights, in PEFT's naming.</param>
internal sealed record ReferenceSpec(int Version, int TaskIndex, StoredFile Weights);
