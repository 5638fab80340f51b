namespace ContinualService.Bench.Training;

/// <summary>What one program reached.</summary>
/// <param name="Name">Which program, with its versions.</param>
/// <param name="TokensPerSecond">Tokens of the counted steps, padding not counted, over their time.</param>
/// <param name="StepSeconds">Seconds of each counted step.</param>
/// <param name="Losses">Mean loss of every step.</param>
/// <param name="DeviceBytes">The most of the GPU's memory that it held, what its allocator kept for later included; null on a CPU.</param>
/// <param name="ProcessBytes">Its largest resident set.</param>
internal sealed record TrainingFigures(string Name, double TokensPerSecond, IReadOnlyList<double> StepSeconds, IReadOnlyList<double> Losses, long? DeviceBytes, long ProcessBytes)
{
    /// <summary>Operations a second of large products between the counted steps, all together; 0: not measured there.</summary>
    public double GemmRate { get; init; }

    /// <summary>The same of the best time.</summary>
    public double BestGemmRate { get; init; }

    /// <summary>Whether the steps left anything behind; null: not known.</summary>
    public SteadyState? Steady { get; init; }
}
