using System.Globalization;

namespace ContinualService.Domain.Tasks;

/// <summary>How the rows of a step are cut so that they fit into memory, from one step on. The gradient is the same but for the order of its sums and the dropout masks.</summary>
/// <param name="FromStep">1-based.</param>
/// <param name="Rows">Of a forward pass; those of the batch where it has fewer.</param>
/// <param name="Recomputes">Gradient checkpointing: each block's forward pass is run once more for its gradient.</param>
public sealed record MicroBatching(int FromStep, int Rows, bool Recomputes)
{
    private const string Recomputed = "+recompute";
    private const string Separator = "; ";

    /// <summary>Half the rows of a batch of so many; of one row the blocks are recomputed; null: it cannot be less.</summary>
    public MicroBatching? Smaller(int batchRows)
    {
        var rows = Math.Min(Rows, batchRows);
        return rows > 1 ? this with { Rows = (rows + 1) / 2 } : Recomputes ? null : this with { Recomputes = true };
    }

    /// <summary>What needs no more memory than this or the other.</summary>
    public MicroBatching AtMost(MicroBatching other) => this with { Rows = Math.Min(Rows, other.Rows), Recomputes = Recomputes || other.Recomputes };

    /// <summary>The one of a list, oldest first, that holds in a step.</summary>
    public static MicroBatching At(IReadOnlyList<MicroBatching> all, int step) => all.Last(each => each.FromStep <= step);

    /// <summary>The list with a change from its step on, after which none asks for more.</summary>
    public static IReadOnlyList<MicroBatching> With(IReadOnlyList<MicroBatching> all, MicroBatching change)
    {
        var now = At(all, change.FromStep).AtMost(change) with { FromStep = change.FromStep };
        return Distinct([.. all.Where(each => each.FromStep < change.FromStep), now, .. all.Where(each => each.FromStep > change.FromStep).Select(each => each.AtMost(change))]);
    }

    /// <summary><c>8</c>, <c>4+recompute</c>, or where it changed <c>8; 37:4</c>.</summary>
    public static string Write(IReadOnlyList<MicroBatching> all) =>
        string.Join(Separator, all.Select(each => (each.FromStep > 1 ? FormattableString.Invariant($"{each.FromStep}:") : "") + FormattableString.Invariant($"{each.Rows}") + (each.Recomputes ? Recomputed : "")));

    /// <summary>What <see cref="Write"/> wrote.</summary>
    public static IReadOnlyList<MicroBatching> Read(string text) => [.. text.Split(Separator).Select(part =>
    {
        var (step, way) = part.Split(':') is [var from, var after] ? (int.Parse(from, CultureInfo.InvariantCulture), after) : (1, part);
        var recomputes = way.EndsWith(Recomputed, StringComparison.Ordinal);
        return new MicroBatching(step, int.Parse(recomputes ? way[..^Recomputed.Length] : way, CultureInfo.InvariantCulture), recomputes);
    })];

    private static List<MicroBatching> Distinct(IReadOnlyList<MicroBatching> all) =>
        [.. all.Where((each, index) => index == 0 || each with { FromStep = 1 } != all[index - 1] with { FromStep = 1 })];
}
