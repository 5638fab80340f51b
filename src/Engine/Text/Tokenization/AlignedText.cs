using System.Text;

namespace ContinualService.Engine.Text.Tokenization;

/// <summary>
/// A stretch of (normalised) text in which every UTF-16 char knows the range of the caller's input it came from.
/// Text that nothing has changed yet carries no arrays: its chars come one to one from <paramref name="Origin"/> on.
/// </summary>
internal readonly record struct AlignedText(string Text, int Origin, int[]? Starts, int[]? Ends, int Shift)
{
    public AlignedText(string text)
        : this(text, 0, null, null, 0)
    {
    }

    public int StartOf(int index) => Starts is null ? Origin + index : Starts[Shift + index];

    public int EndOf(int index) => Ends is null ? Origin + index + 1 : Ends[Shift + index];

    /// <summary>Where the whole stretch begins in the input.</summary>
    public int Start => Text.Length == 0 ? Origin : StartOf(0);

    public AlignedText Slice(int start, int end) => start == 0 && end == Text.Length
        ? this
        : new(Text[start..end], Origin + start, Starts, Ends, Shift + start);

    /// <summary>Input range of the chars [start, end); a composed char may come from chars that stood in another order.</summary>
    public (int Start, int End) Range(int start, int end)
    {
        if (Starts is null)
            return (Origin + start, Origin + end);
        var (from, to) = (StartOf(start), EndOf(start));
        for (var i = start + 1; i < end; i++)
            (from, to) = (Math.Min(from, StartOf(i)), Math.Max(to, EndOf(i)));
        return (from, to);
    }
}

/// <summary>Builds an <see cref="AlignedText"/> whose chars come from given input ranges.</summary>
internal sealed class AlignedTextBuilder(int capacity)
{
    private readonly StringBuilder _text = new(capacity);
    private readonly List<int> _starts = new(capacity);
    private readonly List<int> _ends = new(capacity);

    public void Append(ReadOnlySpan<char> text, int start, int end)
    {
        _text.Append(text);
        for (var i = 0; i < text.Length; i++)
        {
            _starts.Add(start);
            _ends.Add(end);
        }
    }

    public void Append(char value, int start, int end)
    {
        _text.Append(value);
        _starts.Add(start);
        _ends.Add(end);
    }

    /// <summary>Chars [start, end) of <paramref name="source"/>, unchanged.</summary>
    public void Copy(AlignedText source, int start, int end)
    {
        for (var i = start; i < end; i++)
            Append(source.Text[i], source.StartOf(i), source.EndOf(i));
    }

    public AlignedText Build(int origin) => new(_text.ToString(), origin, [.. _starts], [.. _ends], 0);
}
