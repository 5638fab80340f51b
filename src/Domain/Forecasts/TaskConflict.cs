namespace ContinualService.Domain.Forecasts;

/// <summary>How a new task's gradient G of the loss lies to what an adapter has written, dW = s B A, over all adapted layers together; docs/methods.md has the formulas.</summary>
/// <param name="Cosine">Between -G and dW, -1 to 1: below 0 learning it takes back what was written, around 0 it goes another way, above 0 it goes on with it.</param>
/// <param name="RowShare">Share of |G|^2 in the row space of A, 0 to 1: what it would change for inputs that earlier tasks use.</param>
/// <param name="ColumnShare">Share of |G|^2 in the column space of B, 0 to 1: what it would change at outputs that earlier tasks use.</param>
/// <param name="RowShareByChance">What a gradient without any direction would have: rank over inputs.</param>
/// <param name="ColumnShareByChance">The same: rank over outputs.</param>
public sealed record TaskConflict(double Cosine, double RowShare, double ColumnShare, double RowShareByChance, double ColumnShareByChance);
