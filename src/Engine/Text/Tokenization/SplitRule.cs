namespace ContinualService.Engine.Text.Tokenization;

/// <summary>What becomes of the delimiter when text is split at matches.</summary>
internal enum SplitBehavior
{
    Isolated,
    Removed,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}

/// <summary>Turns matches into pieces.</summary>
internal static class SplitRule
{
    /// <param name="matches">Non-empty, ordered, disjoint ranges within [0, <paramref name="length"/>).</param>
    /// <param name="invert">The stretches between the matches are the delimiters.</param>
    public static List<(int Start, int End)> Apply(List<(int Start, int End)> matches, int length, SplitBehavior behavior, bool invert)
    {
        var pieces = new List<(int Start, int End)>(matches.Count + 1);
        var at = 0;
        var wasDelimiter = false;
        foreach (var (start, end) in matches)
        {
            Add(at, start, invert);
            Add(start, end, !invert);
            at = end;
        }

        Add(at, length, invert);
        return pieces;

        void Add(int start, int end, bool delimiter)
        {
            if (start == end)
                return;
            var joins = start > 0 && behavior switch
            {
                SplitBehavior.MergedWithPrevious => delimiter && !wasDelimiter,
                // The reference walks from the right: of several delimiters in a row, the last joins what follows.
                SplitBehavior.MergedWithNext => wasDelimiter && !delimiter,
                SplitBehavior.Contiguous => delimiter == wasDelimiter,
                _ => false,
            };
            wasDelimiter = delimiter;
            if (joins)
                pieces[^1] = (pieces[^1].Start, end);
            else if (!(delimiter && behavior == SplitBehavior.Removed))
                pieces.Add((start, end));
        }
    }
}
