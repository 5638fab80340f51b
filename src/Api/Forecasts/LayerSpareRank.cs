namespace ContinualService.Api.Forecasts;

/// <summary>One layer's rank.</summary>
/// <param name="Layer">Its path.</param>
/// <param name="Rank">The rank that is served.</param>
/// <param name="Effective">exp of the entropy of the singular values of dW, 1 to the rank; 0 where dW is 0.</param>
/// <param name="Stable">Square of dW's norm over the square of its largest singular value.</param>
/// <param name="Spare">Rank minus effective.</param>
/// <param name="Norm">Frobenius norm of dW.</param>
public sealed record LayerSpareRank(string Layer, int Rank, double Effective, double Stable, double Spare, double Norm);
