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

    /// <summary>Groups of indices of similar length: at most <paramref name="maxRows"/> rows, <paramref name="maxTokens"/> padded tokens and <paramref name="maxReal"/> tokens without padding each, at least one row.</summary>
    public static IEnumerable<int[]> Groups(IReadOnlyList<int> lengths, int maxRows, int maxTokens, long maxReal = long.MaxValue)
    {
        var (group, real) = (new List<int>(), 0L);
        // Longest first: the first group shows at once whether the memory suffices.
        foreach (var index in Enumerable.Range(0, lengths.Count).OrderByDescending(i => lengths[i]).ThenBy(i => i))
        {
            if (group.Count > 0 && (group.Count == maxRows || (long)(group.Count + 1) * lengths[group[0]] > maxTokens || real + lengths[index] > maxReal))
            {
                yield return [.. group];
                group.Clear();
                real = 0;
            }

            group.Add(index);
            real += lengths[index];
        }

        if (group.Count > 0) yield return [.. group];
    }
}
