namespace ContinualService.Engine.Models;

/// <summary>Angles per position of rotary embeddings (Su et al. 2021) and their published stretchings, in float64.</summary>
internal static class RotaryFrequencies
{
    /// <summary>Radians per position for each of the K / 2 pairs of dimensions, and the multiplier on cos and sin.</summary>
    public static (double[] Frequencies, double AttentionFactor) Compute(RopeConfig rope, int headWidth)
    {
        var plain = new double[headWidth / 2];
        for (var i = 0; i < plain.Length; i++) plain[i] = Math.Pow(rope.Theta, -2.0 * i / headWidth);
        return rope.Type switch
        {
            RopeType.Linear => ([.. plain.Select(frequency => frequency / rope.Factor)], 1),
            RopeType.Llama3 => ([.. plain.Select(frequency => Llama3(frequency, rope))], 1),
            RopeType.Yarn => (Yarn(plain, rope, headWidth), AttentionFactor(rope)),
            _ => (plain, 1),
        };
    }

    /// <summary>Llama 3.1: long wavelengths are stretched, short ones kept, and those between interpolated.</summary>
    private static double Llama3(double frequency, RopeConfig rope)
    {
        var rotations = rope.OriginalMaxPositions!.Value * frequency / (2 * Math.PI);
        if (rotations < rope.LowFrequencyFactor) return frequency / rope.Factor;
        if (rotations > rope.HighFrequencyFactor) return frequency;
        var smooth = (rotations - rope.LowFrequencyFactor) / (rope.HighFrequencyFactor - rope.LowFrequencyFactor);
        return (1 - smooth) * frequency / rope.Factor + smooth * frequency;
    }

    /// <summary>YaRN (arXiv 2309.00071, section 3.2): a ramp over the dimensions between the two numbers of rotations.</summary>
    private static double[] Yarn(double[] plain, RopeConfig rope, int headWidth)
    {
        var low = DimensionOf(rope.BetaFast, rope, headWidth);
        var high = DimensionOf(rope.BetaSlow, rope, headWidth);
        if (rope.Truncate) (low, high) = (Math.Floor(low), Math.Ceiling(high));
        (low, high) = (Math.Max(low, 0), Math.Min(high, headWidth - 1));
        // Published code widens an empty ramp by this much instead of dividing by zero.
        if (low == high) high += 0.001;
        var stretched = new double[plain.Length];
        for (var i = 0; i < plain.Length; i++)
        {
            var ramp = Math.Clamp((i - low) / (high - low), 0, 1);
            stretched[i] = plain[i] / rope.Factor * ramp + plain[i] * (1 - ramp);
        }

        return stretched;
    }

    /// <summary>The (fractional) pair of dimensions that turns this many times over the original context.</summary>
    private static double DimensionOf(double rotations, RopeConfig rope, int headWidth) =>
        headWidth * Math.Log(rope.OriginalMaxPositions!.Value / (rotations * 2 * Math.PI)) / (2 * Math.Log(rope.Theta));

    private static double AttentionFactor(RopeConfig rope)
    {
        if (rope.AttentionFactor is { } given) return given;
        if (rope.MScale is { } scale and not 0 && rope.MScaleAllDimensions is { } all and not 0) return MScale(rope.Factor, scale) / MScale(rope.Factor, all);
        return MScale(rope.Factor, 1);
    }

    private static double MScale(double factor, double weight) => factor <= 1 ? 1 : 0.1 * weight * Math.Log(factor) + 1;
}
