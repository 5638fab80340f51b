namespace ContinualService.Domain.Replays;

/// <summary>One tensor of a layer's training state whose bits are not the stored ones.</summary>
/// <param name="Layer">Path of the layer.</param>
/// <param name="Tensor">Its name in the state file: a_ft, b_merge, ...</param>
/// <param name="Largest">Largest magnitude of the difference of two of its numbers.</param>
/// <param name="Relative">That, as a share of the largest magnitude among the stored numbers (of the new ones, where all stored are 0).</param>
public sealed record TensorDifference(string Layer, string Tensor, double Largest, double Relative);
