namespace ContinualService.Domain.Evaluation;

/// <summary>
/// Paired bootstrap of a mean difference: rows are drawn with replacement, as many as there are, and each brings both its scores along, so that what is common to
/// both versions (an easy row, a hard one) cancels. The interval is the percentile interval. The same rows give the same numbers on every machine.
/// </summary>
public static class PairedBootstrap
{
    public const int Resamples = 10_000;

    /// <summary>sum(w d) / sum(w).</summary>
    public static double Mean(IReadOnlyList<double> differences, IReadOnlyList<double>? weights)
    {
        var (sum, total) = (0.0, 0.0);
        for (var row = 0; row < differences.Count; row++) (sum, total) = (sum + (weights?[row] ?? 1) * differences[row], total + (weights?[row] ?? 1));
        return sum / total;
    }

    /// <summary>The mean of every resample, in the order drawn. Streams of different numbers are independent: the tasks of a mean are drawn each by itself.</summary>
    public static double[] Draw(IReadOnlyList<double> differences, IReadOnlyList<double>? weights, int stream)
    {
        var (n, state) = ((ulong)differences.Count, (ulong)stream);
        double[] share = [.. weights ?? Enumerable.Repeat(1.0, differences.Count)];
        double[] weighted = [.. differences.Select((difference, row) => share[row] * difference)];
        var means = new double[Resamples];
        for (var resample = 0; resample < means.Length; resample++)
        {
            var (sum, total) = (0.0, 0.0);
            for (var draw = 0UL; draw < n; draw++)
            {
                var row = (int)Math.BigMul(Next(ref state), n, out _);
                sum += weighted[row];
                total += share[row];
            }

            means[resample] = sum / total;
        }

        return means;
    }

    /// <summary>The central part of the resamples: as many are left out below as above.</summary>
    public static (double Low, double High) Interval(IEnumerable<double> means, double confidence)
    {
        double[] sorted = [.. means.Order()];
        var outside = (int)Math.Round(sorted.Length * (1 - confidence) / 2);
        return (sorted[outside], sorted[^(outside + 1)]);
    }

    // SplitMix64 (Steele, Lea, Flood 2014): written out, because the runtime does not promise the numbers of its own generators for ever.
    private static ulong Next(ref ulong state)
    {
        var mixed = state += 0x9E3779B97F4A7C15;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }
}
