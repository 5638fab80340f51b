namespace ContinualService.Bench.Lists;

/// <summary>How long requests took, in milliseconds.</summary>
public sealed class Latencies
{
    private readonly double[] _sorted;

    public Latencies(IEnumerable<double> milliseconds)
    {
        _sorted = [.. milliseconds];
        Array.Sort(_sorted);
    }

    public int Count => _sorted.Length;

    public double Median => Percentile(50);

    /// <summary>The least measured value that so many per cent of all values do not exceed (nearest rank: never a value between two measured ones).</summary>
    /// <param name="percent">Above 0, up to 100.</param>
    /// <returns>NaN where nothing was measured.</returns>
    public double Percentile(double percent)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(percent);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(percent, 100);
        if (_sorted.Length == 0) return double.NaN;
        return _sorted[(int)Math.Ceiling(percent / 100 * _sorted.Length) - 1];
    }
}
