using ContinualService.Domain.Evaluation;

namespace ContinualService.Api.Previews;

/// <summary>A score with its 95 % interval.</summary>
/// <param name="Score">Higher is better.</param>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
/// <param name="N">Rows scored.</param>
public sealed record CurveScore(double Score, double Low, double High, int N)
{
    internal static CurveScore Of(MatrixCell cell) => new(cell.Score, cell.Low, cell.High, cell.Count);
}
