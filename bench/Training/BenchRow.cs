namespace ContinualService.Bench.Training;

/// <summary>The size of a row.</summary>
/// <param name="Length">Its tokens.</param>
/// <param name="Trained">How many of them, at its end, are trained; below <see cref="Length"/>, since nothing stands before the first one.</param>
internal readonly record struct BenchRow(int Length, int Trained);
