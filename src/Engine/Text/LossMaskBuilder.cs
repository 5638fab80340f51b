namespace ContinualService.Engine.Text;

/// <summary>Spans of text to a mask over tokens, with the rule for the token that ends a turn.</summary>
internal sealed class LossMaskBuilder(Tokenizer tokenizer, IReadOnlySet<int> openers, string text, EncodedText encoded)
{
    /// <summary>
    /// A token that overlaps a span is learned. White space after the end-of-turn token inside a span is not; the end-of-turn token right
    /// after a span is, and so is an end-of-sequence token after blanks, or the model would never learn to stop.
    /// </summary>
    public bool[] Build(IReadOnlyList<(int Start, int End)> spans)
    {
        var mask = new bool[encoded.Ids.Length];
        foreach (var span in spans)
        {
            var first = Array.FindIndex(encoded.Offsets, offset => Overlaps(offset, span));
            if (first < 0) continue;
            var last = Array.FindLastIndex(encoded.Offsets, offset => Overlaps(offset, span));
            last = WithEndOfTurn(WithoutTrailingSpace(first, last));
            Array.Fill(mask, true, first, last - first + 1);
        }

        return mask;
    }

    private static bool Overlaps((int Start, int End) offset, (int Start, int End) span) =>
        offset.Start < span.End && (offset.End > span.Start || (offset.Start == offset.End && offset.Start >= span.Start));

    private int WithoutTrailingSpace(int first, int last)
    {
        var end = last;
        while (end > first && IsSpace(end)) end--;
        return IsSpecial(end) ? end : last;
    }

    private int WithEndOfTurn(int last)
    {
        var next = last + 1;
        if (next >= encoded.Ids.Length) return last;
        if (IsSpecial(last)) return !IsEnd(last) && IsEnd(next) ? next : last;
        if (IsSpecial(next) && !openers.Contains(encoded.Ids[next])) return next;
        while (next < encoded.Ids.Length && IsSpace(next)) next++;
        return next < encoded.Ids.Length && IsEnd(next) ? next : last;
    }

    private bool IsEnd(int index) => encoded.Ids[index] == tokenizer.EosId;

    private bool IsSpecial(int index) => tokenizer.IsSpecial(encoded.Ids[index]);

    private bool IsSpace(int index) =>
        !IsSpecial(index) && text.AsSpan(encoded.Offsets[index].Start, encoded.Offsets[index].End - encoded.Offsets[index].Start).IsWhiteSpace();
}
