using System.Security.Cryptography;
using System.Text;

namespace ContinualService.Engine.Data;

/// <summary>Which rows of a data set are scored where not all are.</summary>
public static class HeldOutDraw
{
    /// <summary>
    /// Numbers of rows, from 0, in the data set's order: those whose hash with the data set's digest comes first, as a <see cref="DatasetSplit"/> draws its own. Not the first as sent, which may be of
    /// one class. The digest alone decides, so that every run draws the same, and fewer are always among more.
    /// </summary>
    /// <param name="sha256">The data set's digest.</param>
    /// <param name="rows">How many there are.</param>
    /// <param name="most">How many are drawn at most; null: all.</param>
    public static int[] Of(string sha256, int rows, int? most)
    {
        var all = Enumerable.Range(0, rows);
        return most is null || most >= rows ? [.. all] : [.. all.OrderBy(Hash, StringComparer.Ordinal).Take(most.Value).Order()];

        string Hash(int row) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(FormattableString.Invariant($"{sha256}/{row}"))));
    }
}
