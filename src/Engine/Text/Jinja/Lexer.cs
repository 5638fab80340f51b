using System.Text.RegularExpressions;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>
/// Cuts a template into tokens as Jinja2 does with <c>trim_blocks</c> and <c>lstrip_blocks</c>: the newline after a block and the
/// blanks before one on its line are no text, <c>-</c> strips all white space on its side, <c>+</c> keeps it.
/// </summary>
internal sealed partial class Lexer
{
    private readonly string _source;
    private readonly List<Token> _tokens = [];
    private int _position;
    private int _line = 1;
    private int _lineAt;
    private bool _lineStarting = true;

    private Lexer(string source) => _source = source;

    public static List<Token> Read(string source)
    {
        source = NormalizeNewlines(source);
        if (source.EndsWith('\n')) source = source[..^1];
        var lexer = new Lexer(source);
        lexer.ReadRoot();
        return lexer._tokens;
    }

    internal static string NormalizeNewlines(string text) =>
        text.Contains('\r', StringComparison.Ordinal)
            ? text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n')
            : text;

    private void ReadRoot()
    {
        while (true)
        {
            var tag = FindTag(_position);
            if (tag < 0)
            {
                AddData(_position, _source.Length);
                break;
            }

            var kind = _source[tag + 1];
            var sign = SignAt(tag + 2);
            AddText(tag, sign, strippable: kind != '{');
            _position = tag + 2 + (sign == '\0' ? 0 : 1);
            if (kind == '#') SkipComment();
            else if (kind == '{') ReadTag(TokenKind.VariableBegin, TokenKind.VariableEnd);
            else if (!TryReadRaw()) ReadTag(TokenKind.BlockBegin, TokenKind.BlockEnd);
        }

        Add(TokenKind.End, "", _source.Length);
    }

    private int FindTag(int from)
    {
        for (var i = _source.IndexOf('{', from); i >= 0 && i + 1 < _source.Length; i = _source.IndexOf('{', i + 1))
        {
            if (_source[i + 1] is '%' or '{' or '#') return i;
        }

        return -1;
    }

    private char SignAt(int index) => index < _source.Length && _source[index] is '-' or '+' ? _source[index] : '\0';

    /// <summary>The text from the current position to a tag, without the white space that the tag takes away.</summary>
    private void AddText(int tag, char sign, bool strippable)
    {
        var end = tag;
        if (sign == '-')
        {
            while (end > _position && PythonString.IsSpace(_source[end - 1])) end--;
        }
        else if (sign != '+' && strippable)
        {
            var start = tag;
            while (start > _position && _source[start - 1] != '\n') start--;
            if ((start > _position || _lineStarting) && _source.AsSpan(start, tag - start).IndexOfAnyExcept(PythonString.Spaces) < 0) end = start;
        }

        AddData(_position, end);
    }

    private void AddData(int start, int end)
    {
        if (end > start) Add(TokenKind.Data, _source[start..end], start);
    }

    private void SkipComment()
    {
        var end = _source.IndexOf("#}", _position, StringComparison.Ordinal);
        if (end < 0) throw Fail("the comment is never closed with '#}'", _position);
        var sign = end > _position ? _source[end - 1] : '\0';
        EndTag(end + 2, sign, trims: true);
    }

    /// <summary>Goes on after a closing delimiter: past all white space with '-', past one newline where that is trimmed.</summary>
    private void EndTag(int end, char sign, bool trims)
    {
        if (sign == '-')
        {
            while (end < _source.Length && PythonString.IsSpace(_source[end])) end++;
        }
        else if (sign != '+' && trims && end < _source.Length && _source[end] == '\n')
        {
            end++;
        }

        _position = end;
        _lineStarting = _source[end - 1] == '\n';
    }

    private bool TryReadRaw()
    {
        var begin = RawBegin().Match(_source, _position);
        if (!begin.Success) return false;
        EndTag(begin.Index + begin.Length, begin.Groups[1].Value == "-" ? '-' : '+', trims: false);
        var end = RawEnd().Match(_source, _position);
        if (!end.Success) throw Fail("'raw' is never closed with 'endraw'", begin.Index);
        AddText(end.Index, end.Groups[1].Length > 0 ? end.Groups[1].Value[0] : '\0', strippable: true);
        EndTag(end.Index + end.Length, end.Groups[2].Length > 0 ? end.Groups[2].Value[0] : '\0', trims: true);
        return true;
    }

    private void ReadTag(TokenKind begin, TokenKind end)
    {
        Add(begin, "", _position);
        var close = end == TokenKind.BlockEnd ? "%}" : "}}";
        var open = new Stack<char>();
        while (true)
        {
            while (_position < _source.Length && PythonString.IsSpace(_source[_position])) _position++;
            if (_position >= _source.Length) throw Fail($"the tag is never closed with '{close}'", _position);
            if (open.Count == 0 && TryCloseTag(end, close)) return;
            ReadToken(open);
        }
    }

    private bool TryCloseTag(TokenKind kind, string close)
    {
        var sign = SignAt(_position);
        if (sign == '+' && kind == TokenKind.VariableEnd) sign = '\0';
        var at = _position + (sign == '\0' ? 0 : 1);
        if (string.CompareOrdinal(_source, at, close, 0, 2) != 0) return false;
        Add(kind, close, _position);
        EndTag(at + 2, sign, trims: kind == TokenKind.BlockEnd);
        return true;
    }

    private void ReadToken(Stack<char> open)
    {
        var start = _position;
        if (Number().Match(_source, start) is { Success: true } number)
        {
            Add(TokenKind.Number, number.Value, start, NumberLiteral.Read(number.Value));
            _position += number.Length;
        }
        else if (Name().Match(_source, start) is { Success: true } name)
        {
            Add(TokenKind.Name, name.Value, start);
            _position += name.Length;
        }
        else if (_source[start] is '"' or '\'')
        {
            ReadString(_source[start]);
        }
        else if (Operator().Match(_source, start) is { Success: true } symbol)
        {
            Balance(symbol.Value, open, start);
            Add(TokenKind.Operator, symbol.Value, start);
            _position += symbol.Length;
        }
        else
        {
            throw Fail($"unexpected character '{_source[start]}'", start);
        }
    }

    private void ReadString(char quote)
    {
        var end = _position + 1;
        while (end < _source.Length && _source[end] != quote) end += _source[end] == '\\' ? 2 : 1;
        if (end >= _source.Length) throw Fail("a string is never closed", _position);
        var text = StringEscapes.Decode(_source.AsSpan(_position + 1, end - _position - 1))
            ?? throw Fail("a string has a malformed escape", _position);
        Add(TokenKind.String, text, _position);
        _position = end + 1;
    }

    private void Balance(string symbol, Stack<char> open, int at)
    {
        switch (symbol)
        {
            case "(": open.Push(')'); break;
            case "[": open.Push(']'); break;
            case "{": open.Push('}'); break;
            case ")" or "]" or "}":
                if (open.Count == 0) throw Fail($"unexpected '{symbol}'", at);
                if (open.Pop() is var expected && expected != symbol[0]) throw Fail($"unexpected '{symbol}', expected '{expected}'", at);
                break;
        }
    }

    private void Add(TokenKind kind, string text, int at, object? value = null) => _tokens.Add(new Token(kind, text, LineOf(at), value));

    private JinjaException Fail(string reason, int at) => new(reason, JinjaException.SyntaxAdvice, LineOf(at));

    private int LineOf(int position)
    {
        if (position < _lineAt) return 1 + _source.AsSpan(0, position).Count('\n');
        _line += _source.AsSpan(_lineAt, position - _lineAt).Count('\n');
        _lineAt = position;
        return _line;
    }

    [GeneratedRegex(@"\G\s*raw\s*(-?)%\}")]
    private static partial Regex RawBegin();

    [GeneratedRegex(@"\{%([-+]?)\s*endraw\s*([-+]?)%\}")]
    private static partial Regex RawEnd();

    [GeneratedRegex(@"\G(?:(?<!\.)(?:[0-9]+_)*[0-9]+(?:(?:\.(?:[0-9]+_)*[0-9]+)?e[+\-]?(?:[0-9]+_)*[0-9]+|\.(?:[0-9]+_)*[0-9]+)" +
        @"|0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[0-9a-f])+|[1-9](?:_?[0-9])*|0(?:_?0)*)",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Number();

    [GeneratedRegex(@"\G[\p{L}\p{Nl}_][\w]*")]
    private static partial Regex Name();

    [GeneratedRegex(@"\G(?://|\*\*|==|!=|<=|>=|[-+/*%~\[\](){}<>=.:|,;])")]
    private static partial Regex Operator();
}
