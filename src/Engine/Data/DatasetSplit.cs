using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace ContinualService.Engine.Data;

/// <summary>Rows to train on and rows held out for evaluation, each in the order of the file.</summary>
public sealed record DatasetSplit(IReadOnlyList<TaskExample> Training, IReadOnlyList<TaskExample> HeldOut)
{
    /// <summary>
    /// Holds out about <paramref name="heldOutFraction"/> of the rows: those whose seeded hash comes first, so the choice depends on the
    /// rows and the seed alone. Equal rows stay on one side, or evaluation would test what was trained. At least one row stays on
    /// each side; a fraction of 0, or fewer than two rows, hold out nothing.
    /// </summary>
    /// <param name="examples">All rows.</param>
    /// <param name="heldOutFraction">0 to below 1.</param>
    /// <param name="seed">Same seed and rows, same split.</param>
    public static DatasetSplit Create(IReadOnlyList<TaskExample> examples, double heldOutFraction, long seed)
    {
        if (!(heldOutFraction >= 0 && heldOutFraction < 1))
            throw new ArgumentOutOfRangeException(nameof(heldOutFraction), heldOutFraction, "The held-out fraction is at least 0 and below 1.");
        if (heldOutFraction == 0 || examples.Count < 2) return new([.. examples], []);

        var wanted = Math.Clamp((int)Math.Round(examples.Count * heldOutFraction), 1, examples.Count - 1);
        var groups = examples.Select((example, index) => (Hash: Hash(example, seed), Index: index))
            .GroupBy(row => row.Hash, row => row.Index)
            .OrderBy(group => group.Key, StringComparer.Ordinal)
            .Select(group => group.ToList())
            .ToList();
        // One row, many times over: there is no split without leakage, so a plain one by position is what is left.
        if (groups.Count == 1) groups = [.. groups[0].Select(index => new List<int> { index })];

        var heldOut = Choose(groups, wanted, examples.Count);
        return new(
            [.. examples.Where((_, index) => !heldOut.Contains(index))],
            [.. examples.Where((_, index) => heldOut.Contains(index))]);
    }

    /// <summary>How many of the evaluation rows stand in the training rows as well.</summary>
    public static int CountOverlap(IEnumerable<TaskExample> training, IEnumerable<TaskExample> evaluation)
    {
        var trained = training.ToHashSet();
        return evaluation.Count(trained.Contains);
    }

    private static HashSet<int> Choose(List<List<int>> groups, int wanted, int total)
    {
        var heldOut = new HashSet<int>();
        foreach (var group in groups)
        {
            if (heldOut.Count >= wanted) break;
            // A large group of equal rows is passed over where it would overshoot; the smallest group serves where none fits.
            if (heldOut.Count + group.Count <= wanted) heldOut.UnionWith(group);
        }

        if (heldOut.Count == 0) heldOut.UnionWith(groups.MinBy(group => group.Count)!);
        return heldOut.Count < total ? heldOut : throw new InvalidOperationException("The split left nothing to train on.");
    }

    private static string Hash(TaskExample example, long seed)
    {
        var line = Encoding.UTF8.GetBytes(example.CanonicalLine);
        var salted = new byte[sizeof(long) + line.Length];
        BinaryPrimitives.WriteInt64LittleEndian(salted, seed);
        line.CopyTo(salted, sizeof(long));
        return Convert.ToHexString(SHA256.HashData(salted));
    }
}
