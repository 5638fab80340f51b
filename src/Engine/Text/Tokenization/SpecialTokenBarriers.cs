namespace ContinualService.Engine.Text.Tokenization;

/// <summary>Places in a text that no special token may lie across.</summary>
/// <param name="positions">UTF-16 offsets of the text, ascending: a barrier stands before the char at its offset.</param>
internal sealed class SpecialTokenBarriers(List<int> positions)
{
    /// <summary>Whether a barrier stands inside the range; a token of one char has no inside, so one before it counts.</summary>
    public bool Forbid((int Start, int End) range)
    {
        var first = range.End - range.Start > 1 ? range.Start + 1 : range.Start;
        var index = positions.BinarySearch(first);
        if (index < 0) index = ~index;
        return index < positions.Count && positions[index] < range.End;
    }
}
