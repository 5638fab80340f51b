using ContinualService.Engine.Continual;

namespace ContinualService.Api.Versions;

/// <summary>What two versions add to one layer. Norms are Frobenius norms of dW, in float64.</summary>
/// <param name="Layer">Its path.</param>
/// <param name="FirstNorm">Of the first version.</param>
/// <param name="SecondNorm">Of the second.</param>
/// <param name="DifferenceNorm">Of second - first.</param>
/// <param name="RowAngles">Principal angles between the row spaces of the two A, in degrees, the smallest first: 0 is a direction that both read, 90 one that the other does not.</param>
/// <param name="ColumnAngles">The same between the column spaces of the two B: the directions that both write.</param>
public sealed record DiffLayer(string Layer, double FirstNorm, double SecondNorm, double DifferenceNorm, IReadOnlyList<double> RowAngles, IReadOnlyList<double> ColumnAngles)
{
    internal static DiffLayer Of(LayerDifference layer) => new(layer.Layer, layer.FirstNorm, layer.SecondNorm, layer.DifferenceNorm, layer.RowAngles, layer.ColumnAngles);
}
