namespace ContinualService.Api.Storage;

/// <summary>What an adapter costs in bytes, measured at the objects that are stored.</summary>
/// <param name="AdapterId">Whose.</param>
/// <param name="Method">The method, with the options that differ from their defaults.</param>
/// <param name="ConstantPerTask">Whether each version that was learned here has as many bytes of state, and of weights, as every other. Null: versions after two different numbers of tasks are needed to compare, or an object is missing.</param>
/// <param name="Verdict">The same in words, with the figures.</param>
/// <param name="State">The method's formula; null before the first version, and where the base model is not installed.</param>
/// <param name="Versions">In the order they were published.</param>
/// <param name="Tasks">In the order they were sent.</param>
/// <param name="Totals">All of it.</param>
/// <param name="Retention">What the settings free.</param>
public sealed record StorageResponse(
    string AdapterId, string Method, bool? ConstantPerTask, string Verdict, StateFormula? State, IReadOnlyList<StoredVersion> Versions, IReadOnlyList<StoredTask> Tasks, StorageTotals Totals,
    StorageRetention Retention);
