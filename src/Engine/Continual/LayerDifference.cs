namespace ContinualService.Engine.Continual;

/// <summary>What two versions add to one layer.</summary>
/// <param name="Layer">Its path.</param>
/// <param name="FirstNorm">|dW|_F of the one.</param>
/// <param name="SecondNorm">Of the other.</param>
/// <param name="DifferenceNorm">|dW_second - dW_first|_F.</param>
/// <param name="RowAngles">Principal angles between the row spaces of the two A, in degrees, the smallest first; as many as the smaller space has dimensions.</param>
/// <param name="ColumnAngles">The same between the column spaces of the two B.</param>
public sealed record LayerDifference(string Layer, double FirstNorm, double SecondNorm, double DifferenceNorm, IReadOnlyList<double> RowAngles, IReadOnlyList<double> ColumnAngles);
