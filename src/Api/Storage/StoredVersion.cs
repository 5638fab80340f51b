namespace ContinualService.Api.Storage;

/// <summary>What the store holds of a version.</summary>
/// <param name="Number">The version's.</param>
/// <param name="TaskId">The task that made it; null: imported.</param>
/// <param name="TaskIndex">The method's i.</param>
/// <param name="OnPath">Whether it is on the way to the head.</param>
/// <param name="Parts">Weights and state. Every other format of download is computed while it is sent.</param>
/// <param name="Bytes">Both together.</param>
/// <param name="FormulaBytes">What the method's formula gives for the tensors of the state after so many tasks; the file has its header beside them. Null where the base model is not installed.</param>
/// <param name="AddedBytes">Bytes that no earlier version had stored already.</param>
/// <param name="CumulativeBytes">Bytes of all versions up to this one, each object once.</param>
public sealed record StoredVersion(
    int Number, string? TaskId, int TaskIndex, bool OnPath, IReadOnlyList<StoredPart> Parts, long Bytes, long? FormulaBytes, long AddedBytes, long CumulativeBytes);
