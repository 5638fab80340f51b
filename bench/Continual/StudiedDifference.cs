namespace ContinualService.Bench.Continual;

/// <summary>A method's difference to another on the same orders and seeds.</summary>
/// <param name="Method">Its label.</param>
/// <param name="LearningRate">Of both.</param>
/// <param name="Against">The other's label.</param>
/// <param name="Metric">AA or BWT: higher is better.</param>
/// <param name="Mean">Of all pairs of runs.</param>
/// <param name="Low">Of the 95 % percentile interval of the paired bootstrap over these pairs.</param>
/// <param name="High">Its upper end.</param>
/// <param name="Pairs">Orders times seeds.</param>
/// <param name="Wins">Pairs in which the method is better.</param>
/// <param name="PerOrder">The mean over seeds by order.</param>
public sealed record StudiedDifference(
    string Method, double LearningRate, string Against, string Metric, double Mean, double Low, double High, int Pairs, int Wins, IReadOnlyDictionary<string, double> PerOrder);
