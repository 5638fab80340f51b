namespace ContinualService.Bench.Continual;

/// <summary>Mean and sample standard deviation.</summary>
/// <param name="Mean">Of all runs.</param>
/// <param name="Deviation">Null for a single run.</param>
public sealed record Spread(double Mean, double? Deviation)
{
    /// <summary>Null where a value is not defined.</summary>
    public static Spread? Of(IReadOnlyList<double?> values)
    {
        if (values.Count == 0 || values.Contains(null)) return null;
        var mean = values.Average()!.Value;
        return new Spread(mean, values.Count < 2 ? null : Math.Sqrt(values.Sum(value => (value!.Value - mean) * (value.Value - mean)) / (values.Count - 1)));
    }

    public override string ToString() => Deviation is null ? FormattableString.Invariant($"{Mean:F4}") : FormattableString.Invariant($"{Mean:F4} +- {Deviation:F4}");
}
