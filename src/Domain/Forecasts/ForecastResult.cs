namespace ContinualService.Domain.Forecasts;

/// <summary>What a forecast measured. Its size depends on the adapter's layers and on the tasks that it compares, not on how many the adapter has learned.</summary>
/// <param name="Version">The head that was measured; 0: the bare base.</param>
/// <param name="Tasks">The measured tasks, in the order they stand in.</param>
/// <param name="Cosines">Cosine between the descent directions of each two of them, row by row; 1 on the diagonal.</param>
/// <param name="Layers">How full the adapter's layers are; empty where it has learned nothing.</param>
public sealed record ForecastResult(int Version, IReadOnlyList<ForecastTask> Tasks, IReadOnlyList<IReadOnlyList<double>> Cosines, IReadOnlyList<LayerRank> Layers);
