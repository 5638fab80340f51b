using System.Text;

namespace ContinualService.Engine.Data;

/// <summary>One record of a CSV file.</summary>
/// <param name="Line">1-based line on which it starts.</param>
/// <param name="Fields">Its fields, unquoted.</param>
/// <param name="Fault">What is wrong with its quoting; null where nothing is.</param>
internal sealed record CsvRecord(int Line, IReadOnlyList<string> Fields, string? Fault);

/// <summary>Splits CSV text into records; blank lines between them are skipped.</summary>
internal sealed class CsvReader(string text)
{
    private int _position;
    private int _line = 1;

    /// <summary>The next record; null at the end.</summary>
    public CsvRecord? Next()
    {
        while (_position < text.Length && text[_position] is '\r' or '\n') SkipLineEnd();
        if (_position >= text.Length) return null;

        var start = _line;
        var fields = new List<string>();
        string? fault = null;
        do
        {
            fields.Add(_position < text.Length && text[_position] == '"' ? Quoted(ref fault) : Plain(ref fault));
        }
        while (SkipComma());

        if (_position < text.Length) SkipLineEnd();
        return new CsvRecord(start, fields, fault);
    }

    private bool SkipComma()
    {
        if (_position >= text.Length || text[_position] != ',') return false;
        _position++;
        return true;
    }

    private string Plain(ref string? fault)
    {
        var end = text.AsSpan(_position).IndexOfAny(',', '\r', '\n');
        var field = end < 0 ? text[_position..] : text.Substring(_position, end);
        _position += field.Length;
        if (field.Contains('"')) fault ??= "A double quote stands inside an unquoted field.";
        return field;
    }

    private string Quoted(ref string? fault)
    {
        var field = new StringBuilder();
        _position++;
        while (true)
        {
            var end = text.AsSpan(_position).IndexOf('"');
            if (end < 0)
            {
                fault ??= "A quoted field is never closed.";
                field.Append(text, _position, text.Length - _position);
                _position = text.Length;
                return field.ToString();
            }

            var part = text.AsSpan(_position, end);
            _line += part.Count('\n');
            field.Append(part);
            _position += end + 1;
            if (_position >= text.Length || text[_position] != '"') break;
            field.Append('"');
            _position++;
        }

        // Only a comma or the line's end may follow; whatever does is skipped so that the next record is read from its start.
        if (_position < text.Length && text[_position] is not (',' or '\r' or '\n'))
        {
            fault ??= "There is text after the closing quote of a field.";
            Plain(ref fault);
        }

        return field.ToString();
    }

    private void SkipLineEnd()
    {
        if (text[_position] == '\r' && _position + 1 < text.Length && text[_position + 1] == '\n') _position++;
        _position++;
        _line++;
    }
}
