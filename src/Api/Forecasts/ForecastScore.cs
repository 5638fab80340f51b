using ContinualService.Domain.Previews;

namespace ContinualService.Api.Forecasts;

/// <summary>A score of held-out rows with its 95 % interval, higher is better; a loss is negated, as in the matrix.</summary>
/// <param name="Score">What they score.</param>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
/// <param name="N">Rows scored.</param>
/// <param name="Metric">exact_match, label_likelihood, rouge_l or loss.</param>
public sealed record ForecastScore(double Score, double Low, double High, int N, string Metric)
{
    internal static ForecastScore? Of(PreviewScore? score) => score?.CellOf("", 0).At(0, 0) is not { } cell ? null : new ForecastScore(cell.Score, cell.Low, cell.High, cell.Count, score.Metric);
}
