using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Inference;

internal static class RightPadded
{
    /// <summary>Rows of ids as int64 [B, T], filled with 0 on the right: causal attention keeps the filling out of every real token.</summary>
    public static Tensor Batch(IReadOnlyList<int[]> rows, Device device)
    {
        var length = rows.Max(row => row.Length);
        var flat = new long[rows.Count * length];
        for (var row = 0; row < rows.Count; row++)
            for (var i = 0; i < rows[row].Length; i++) flat[row * length + i] = rows[row][i];
        using var scope = NewDisposeScope();
        return tensor(flat, int64, device).view(rows.Count, length).MoveToOuterDisposeScope();
    }

    /// <summary>Groups of indices of similar length, longest first, within the limits of <see cref="Runs"/>.</summary>
    public static IEnumerable<int[]> Groups(IReadOnlyList<int> lengths, int maxRows, int maxTokens, long maxReal = long.MaxValue)
    {
        // Longest first: the first group shows at once whether the memory suffices.
        int[] order = [.. Enumerable.Range(0, lengths.Count).OrderByDescending(i => lengths[i]).ThenBy(i => i)];
        return Runs([.. order.Select(index => lengths[index])], maxRows, maxTokens, maxReal).Select(run => order[run]);
    }

    /// <summary>Rows one after another, as many at once as the limits allow: at most <paramref name="maxRows"/> rows, <paramref name="maxTokens"/> padded tokens and <paramref name="maxReal"/> tokens without padding, at least one row.</summary>
    public static IEnumerable<Range> Runs(IReadOnlyList<int> lengths, int maxRows, int maxTokens, long maxReal = long.MaxValue)
    {
        var (start, longest, real) = (0, 0, 0L);
        for (var row = 0; row < lengths.Count; row++)
        {
            longest = Math.Max(longest, lengths[row]);
            real += lengths[row];
            if (row > start && (row - start == maxRows || (row - start + 1L) * longest > maxTokens || real > maxReal))
            {
                yield return start..row;
                (start, longest, real) = (row, lengths[row], lengths[row]);
            }
        }

        if (lengths.Count > 0) yield return start..lengths.Count;
    }
}
