namespace ContinualService.Domain.Forecasts;

/// <summary>How much of a layer's rank is in use, from the singular values s_i of dW = s B A.</summary>
/// <param name="Layer">The layer's path.</param>
/// <param name="Rank">Rank that is served.</param>
/// <param name="Effective">exp of the entropy of s_i / sum s: 1 to the rank; 0 where dW is 0.</param>
/// <param name="Stable">sum s_i^2 / s_1^2: 1 to the rank; 0 where dW is 0.</param>
/// <param name="Norm">Frobenius norm of dW.</param>
public sealed record LayerRank(string Layer, int Rank, double Effective, double Stable, double Norm)
{
    /// <summary>Directions of the rank that carry nothing.</summary>
    public double Spare => Rank - Effective;
}
