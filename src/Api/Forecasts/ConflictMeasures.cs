namespace ContinualService.Api.Forecasts;

/// <summary>How the gradient G of the task's loss lies to dW, which the adapter has written, over all adapted layers together.</summary>
/// <param name="Cosine">Between -G and dW, -1 to 1: below 0 learning it takes back what was written, around 0 it goes another way, above 0 it goes on with it.</param>
/// <param name="RowShare">Share of |G|^2 in the row space of A, 0 to 1.</param>
/// <param name="ColumnShare">Share of |G|^2 in the column space of B, 0 to 1.</param>
/// <param name="RowShareByChance">What a gradient without any direction would have there.</param>
/// <param name="ColumnShareByChance">The same.</param>
public sealed record ConflictMeasures(double Cosine, double RowShare, double ColumnShare, double RowShareByChance, double ColumnShareByChance);
