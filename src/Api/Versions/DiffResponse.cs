namespace ContinualService.Api.Versions;

/// <summary>How two versions of an adapter differ.</summary>
/// <param name="First">Number of the one.</param>
/// <param name="Second">Of the other.</param>
/// <param name="SameWeights">Whether both serve the same bytes.</param>
/// <param name="FirstNorm">|dW|_F of the first over all layers.</param>
/// <param name="SecondNorm">Of the second.</param>
/// <param name="DifferenceNorm">Of second - first.</param>
/// <param name="Layers">In the model's order.</param>
/// <param name="Tasks">Every task that one of them was scored on, in the order the tasks were sent.</param>
public sealed record DiffResponse(
    int First, int Second, bool SameWeights, double FirstNorm, double SecondNorm, double DifferenceNorm, IReadOnlyList<DiffLayer> Layers, IReadOnlyList<DiffTask> Tasks);
