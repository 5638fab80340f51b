namespace ContinualService.Engine.Models;

/// <summary>How positions become angles. Lengths are in tokens; a null option takes the default of its rope type.</summary>
public sealed record RopeConfig
{
    public RopeType Type { get; init; } = RopeType.Default;
    public double Theta { get; init; } = 10_000;

    /// <summary>How far the context is stretched; 1 leaves it as trained.</summary>
    public double Factor { get; init; } = 1;

    /// <summary>Context length of pretraining, before stretching (llama3, yarn).</summary>
    public int? OriginalMaxPositions { get; init; }

    /// <summary>llama3: wavelengths longer than the original context divided by this are stretched whole.</summary>
    public double LowFrequencyFactor { get; init; } = 1;

    /// <summary>llama3: wavelengths shorter than the original context divided by this stay as they are.</summary>
    public double HighFrequencyFactor { get; init; } = 4;

    /// <summary>yarn: rotations over the original context above which a frequency stays as it is.</summary>
    public double BetaFast { get; init; } = 32;

    /// <summary>yarn: rotations over the original context below which a frequency is stretched whole.</summary>
    public double BetaSlow { get; init; } = 1;

    /// <summary>yarn: multiplier on cos and sin; null derives it from the factor or from the two mscale options.</summary>
    public double? AttentionFactor { get; init; }
    public double? MScale { get; init; }
    public double? MScaleAllDimensions { get; init; }

    /// <summary>yarn: round the ramp's ends to whole dimensions.</summary>
    public bool Truncate { get; init; } = true;
}
