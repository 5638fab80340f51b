namespace ContinualService.Api.Storage;

/// <summary>The memory of the method as it is computed, beside the head's state as it is stored.</summary>
/// <param name="Tensors">float32 numbers that are kept, by tensor, over all adapted layers, after the head's tasks.</param>
/// <param name="Bytes">Four for each of them.</param>
/// <param name="HeaderBytes">What the stored file has beside them: names, shapes and metadata; null where the file is missing.</param>
/// <param name="BytesAfterOneTask">The formula at i = 1.</param>
/// <param name="BytesAfterThousandTasks">The formula at i = 1000.</param>
/// <param name="GrowsWithTasks">Whether the method keeps more with every task.</param>
public sealed record StateFormula(IReadOnlyDictionary<string, long> Tensors, long Bytes, long? HeaderBytes, long BytesAfterOneTask, long BytesAfterThousandTasks, bool GrowsWithTasks);
