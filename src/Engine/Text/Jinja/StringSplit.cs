using System.Text;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>The string methods that cut text into parts.</summary>
internal static class StringSplit
{
    public static ListValue Split(string text, Arguments arguments)
    {
        var (separator, limit) = Read(arguments, "split");
        return new ListValue(separator is null ? Words(text, limit) : Parts(text, separator, limit));
    }

    public static ListValue SplitFromEnd(string text, Arguments arguments)
    {
        var (separator, limit) = Read(arguments, "rsplit");
        // Splitting the mirror image from its start is splitting from the end; whole UTF-16 units mirror back unharmed.
        var mirrored = separator is null ? Words(Mirror(text), limit) : Parts(Mirror(text), Mirror(separator), limit);
        mirrored.Reverse();
        return new ListValue([.. mirrored.Select(part => Mirror((string)part))]);
    }

    public static TupleValue Partition(string text, string separator, bool last)
    {
        if (separator.Length == 0) throw new JinjaException("empty separator");
        var index = last ? text.LastIndexOf(separator, StringComparison.Ordinal) : text.IndexOf(separator, StringComparison.Ordinal);
        if (index < 0) return new TupleValue(last ? ["", "", text] : [text, "", ""]);
        return new TupleValue([text[..index], separator, text[(index + separator.Length)..]]);
    }

    public static string ReplaceFirst(string text, string old, string replacement, int count)
    {
        var result = new StringBuilder();
        var position = 0;
        for (; count > 0; count--)
        {
            var index = text.IndexOf(old, position, StringComparison.Ordinal);
            if (index < 0) break;
            result.Append(text, position, index - position).Append(replacement);
            position = index + old.Length;
            if (old.Length > 0) continue;
            if (position >= text.Length) break;
            var width = char.IsSurrogatePair(text, position) ? 2 : 1; // an empty text stands between code points
            result.Append(text, position, width);
            position += width;
        }

        return result.Append(text, position, text.Length - position).ToString();
    }

    public static string ExpandTabs(string text, Arguments arguments)
    {
        var size = arguments.Bind("expandtabs", "tabsize")[0] is { } value ? Python.ToIndex(value, "tabsize") : 8;
        Limits.Check((System.Numerics.BigInteger)text.Length * Math.Max(size, 1));
        var (result, column) = (new StringBuilder(), 0);
        foreach (var character in text)
        {
            var width = character == '\t' && size > 0 ? size - (column % size) : character == '\t' ? 0 : 1;
            if (character == '\t') result.Append(' ', width);
            else result.Append(character);
            column = character is '\n' or '\r' ? 0 : column + width;
        }

        return result.ToString();
    }

    private static (string? Separator, int Limit) Read(Arguments arguments, string name)
    {
        var bound = arguments.Bind(name, "sep", "maxsplit");
        var separator = bound[0] is null or NoneValue ? null : Python.RequireText(bound[0], "the separator");
        if (separator is "") throw new JinjaException("empty separator");
        var limit = bound[1] is null ? -1 : Python.ToIndex(bound[1]!, "maxsplit");
        return (separator, limit < 0 ? int.MaxValue : limit);
    }

    private static List<object> Parts(string text, string separator, int limit)
    {
        var parts = new List<object>();
        var position = 0;
        while (parts.Count < limit)
        {
            var index = text.IndexOf(separator, position, StringComparison.Ordinal);
            if (index < 0) break;
            parts.Add(text[position..index]);
            position = index + separator.Length;
        }

        parts.Add(text[position..]);
        return parts;
    }

    private static List<object> Words(string text, int limit)
    {
        var words = new List<object>();
        var position = 0;
        while (true)
        {
            while (position < text.Length && PythonString.IsSpace(text[position])) position++;
            if (position >= text.Length) return words;
            if (words.Count >= limit) break;
            var start = position;
            while (position < text.Length && !PythonString.IsSpace(text[position])) position++;
            words.Add(text[start..position]);
        }

        words.Add(PythonString.Strip(text[position..], null, left: false));
        return words;
    }

    private static string Mirror(string text)
    {
        var characters = text.ToCharArray();
        Array.Reverse(characters);
        return new string(characters);
    }
}
