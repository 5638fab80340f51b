using ContinualService.Domain.Forecasts;

namespace ContinualService.Api.Forecasts;

/// <summary>How much of the adapter's rank is in use: effective is exp of the entropy of dW's singular values, spare the rest.</summary>
/// <param name="MeanSpare">Mean over the layers; null where the adapter has learned nothing, and all is spare.</param>
/// <param name="Layers">Each layer.</param>
public sealed record SpareRankResponse(double? MeanSpare, IReadOnlyList<LayerSpareRank> Layers)
{
    internal static SpareRankResponse Of(IReadOnlyList<LayerRank> layers) => new(
        layers.Count == 0 ? null : layers.Average(layer => layer.Spare), [.. layers.Select(layer => new LayerSpareRank(layer.Layer, layer.Rank, layer.Effective, layer.Stable, layer.Spare, layer.Norm))]);
}
