using System.Globalization;

namespace ContinualService.Bench.Training;

/// <summary>How long the rows of a benchmark are.</summary>
internal static class LengthList
{
    /// <summary>Lengths of <paramref name="count"/> rows: the file's, again from its beginning where it ends, each at most <paramref name="longest"/>; without a file all of them that long.</summary>
    /// <exception cref="UsageException">The file is not there, or a line is no length.</exception>
    public static IReadOnlyList<int> Rows(string? file, int longest, int count)
    {
        if (file is null) return [.. Enumerable.Repeat(longest, count)];
        if (!File.Exists(file)) throw new UsageException($"--lengths {file}: there is no such file.");
        var lengths = File.ReadLines(file).Where(line => line.Trim().Length > 0).Select((line, index) => Parse(file, line, index + 1)).ToList();
        if (lengths.Count == 0) throw new UsageException($"--lengths {file}: it holds no length; write one a line, in tokens.");
        return [.. Enumerable.Range(0, count).Select(row => Math.Min(lengths[row % lengths.Count], longest))];
    }

    /// <summary>The length that attention meets per token: with rows of one length that length.</summary>
    public static double PerToken(IReadOnlyList<int> lengths) => lengths.Sum(length => (double)length * length) / lengths.Sum(length => (double)length);

    private static int Parse(string file, string line, int number) =>
        int.TryParse(line, NumberStyles.Integer, CultureInfo.InvariantCulture, out var length) && length >= 2
            ? length
            : throw new UsageException($"--lengths {file}: line {number} is '{line.Trim()}'; a length is a whole number of tokens, 2 or more.");
}
