using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>
/// cos and sin per position, computed in float64 and kept in float32, grown on demand. Safe to use from many threads: a table that was handed out stays
/// valid until <see cref="Dispose"/>, also after a longer one has replaced it.
/// </summary>
/// <param name="rope">What the angles are.</param>
/// <param name="headWidth">K.</param>
/// <param name="device">Where the tables go.</param>
/// <param name="precision">They hold numbers of this type: one that some way of rotating rounds to has to be that of all.</param>
internal sealed class RotaryTable(RopeConfig rope, int headWidth, Device device, ScalarType precision) : IDisposable
{
    private const int SmallestTable = 256;

    private readonly Lock _growing = new();
    private readonly List<Tables> _all = [];
    private volatile Tables? _longest;

    private sealed record Tables(Tensor Cos, Tensor Sin, int Length);

    /// <summary>Tables of at least <paramref name="length"/> positions, each float32 [length or more, K / 2].</summary>
    public (Tensor Cos, Tensor Sin) AtLeast(int length)
    {
        var tables = _longest;
        if (tables is null || tables.Length < length) tables = Grow(length);
        return (tables.Cos, tables.Sin);
    }

    public void Dispose()
    {
        foreach (var tables in _all)
        {
            tables.Cos.Dispose();
            tables.Sin.Dispose();
        }
    }

    private Tables Grow(int length)
    {
        lock (_growing)
        {
            if (_longest is { } current && current.Length >= length) return current;
            var rows = SmallestTable;
            while (rows < length) rows *= 2;
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var (frequencies, factor) = RotaryFrequencies.Compute(rope, headWidth);
            var angles = outer(arange(rows, float64), tensor(frequencies, float64)); // [rows, K / 2]
            var tables = new Tables(ToTable(angles.cos() * factor), ToTable(angles.sin() * factor), rows);
            _all.Add(tables);
            _longest = tables;
            return tables;
        }
    }

    private Tensor ToTable(Tensor values) => values.to(float32).to(precision).to(float32).to(device).DetachFromDisposeScope();
}
