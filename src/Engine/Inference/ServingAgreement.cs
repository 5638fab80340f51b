namespace ContinualService.Engine.Inference;

/// <summary>What a <see cref="ServingProbe"/> found; log-probabilities in nats.</summary>
/// <param name="Tokens">Log-probabilities that were compared.</param>
/// <param name="Difference">The largest difference between server and trainer.</param>
/// <param name="NoiseFloor">The largest difference between two ways of the trainer itself.</param>
/// <param name="Least">Differences below this show nothing, however little the trainer itself happened to vary: <see cref="LeastTolerance"/> or <see cref="LeastNarrowTolerance"/>.</param>
public sealed record ServingAgreement(int Tokens, double Difference, double NoiseFloor, double Least = ServingAgreement.LeastTolerance)
{
    /// <summary>Some units in float32's last place, through all layers.</summary>
    public const double LeastTolerance = 1e-4;

    /// <summary>Of bfloat16, in whose last place the logits alone, between 16 and 32, stand an eighth apart.</summary>
    public const double LeastNarrowTolerance = 0.25;

    /// <summary>How often the noise floor, which few texts measured, may be exceeded.</summary>
    public const double NoiseFactor = 8;

    public double Tolerance => Math.Max(Least, NoiseFactor * NoiseFloor);

    /// <summary>Whether the version may be served.</summary>
    public bool Holds => Difference <= Tolerance;
}
