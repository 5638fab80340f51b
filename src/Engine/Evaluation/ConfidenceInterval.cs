namespace ContinualService.Engine.Evaluation;

/// <summary>95 % intervals. Deterministic: no resampling.</summary>
internal static class ConfidenceInterval
{
    private const double Z = 1.959963984540054; // 97.5 % point of the normal distribution

    // 97.5 % points of Student's t for 1 to 10 degrees of freedom, where the series below is not good enough.
    private static readonly double[] SmallT = [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281];

    /// <summary>Wilson's score interval of a share of 0/1 outcomes: stays within [0, 1] and is honest at 0 and at n.</summary>
    public static (double Low, double High) Wilson(double successes, int count)
    {
        if (count == 0) return (0, 1);
        var share = successes / count;
        var scale = 1 + Z * Z / count;
        var centre = (share + Z * Z / (2.0 * count)) / scale;
        var half = Z / scale * Math.Sqrt(share * (1 - share) / count + Z * Z / (4.0 * count * count));
        // At 0 and at n the end is the share itself, which rounding misses.
        return (successes == 0 ? 0 : centre - half, successes == count ? 1 : centre + half);
    }

    /// <summary>
    /// Student's t interval of the ratio sum(values * weights) / sum(weights), by linearisation; with equal weights it is the usual
    /// interval of a mean. One row says nothing about spread: its interval is the whole of [floor, ceiling], or, where the ceiling is
    /// infinite (no JSON number), the value itself.
    /// </summary>
    public static (double Low, double High) Mean(
        IReadOnlyList<double> values, IReadOnlyList<double>? weights, double floor, double ceiling)
    {
        var n = values.Count;
        var total = weights?.Sum() ?? n;
        var mean = values.Select((value, row) => value * (weights?[row] ?? 1)).Sum() / total;
        if (n < 2) return double.IsFinite(ceiling) ? (floor, ceiling) : (mean, mean);

        var squares = values.Select((value, row) => Math.Pow((value - mean) * (weights?[row] ?? 1), 2)).Sum();
        var error = Math.Sqrt(squares / (n - 1) * n) / total;
        var half = T(n - 1) * error;
        return (Math.Max(floor, mean - half), Math.Min(ceiling, mean + half));
    }

    // Fisher's expansion of the t quantile around the normal one; within 1e-3 from 10 degrees of freedom on.
    private static double T(int freedom)
    {
        if (freedom <= SmallT.Length) return SmallT[freedom - 1];
        var first = (Math.Pow(Z, 3) + Z) / 4;
        var second = (5 * Math.Pow(Z, 5) + 16 * Math.Pow(Z, 3) + 3 * Z) / 96;
        return Z + first / freedom + second / freedom / freedom;
    }
}
