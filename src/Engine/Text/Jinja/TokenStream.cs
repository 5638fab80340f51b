namespace ContinualService.Engine.Text.Jinja;

/// <summary>The parser's place in the tokens.</summary>
internal sealed class TokenStream(IReadOnlyList<Token> tokens)
{
    private int _index;

    public Token Current => tokens[_index];

    public Token Following => tokens[Math.Min(_index + 1, tokens.Count - 1)];

    public bool AtOperator(string symbol) => Current.IsOperator(symbol);

    public Token Next()
    {
        var token = Current;
        if (_index < tokens.Count - 1) _index++;
        return token;
    }

    public bool SkipName(string name)
    {
        if (!Current.IsName(name)) return false;
        Next();
        return true;
    }

    public bool SkipOperator(string symbol)
    {
        if (!Current.IsOperator(symbol)) return false;
        Next();
        return true;
    }

    public void ExpectOperator(string symbol)
    {
        if (!SkipOperator(symbol)) throw Unexpected($"'{symbol}'");
    }

    public string ExpectName()
    {
        if (Current.Kind != TokenKind.Name) throw Unexpected("a name");
        return Next().Text;
    }

    public void Expect(TokenKind kind, string what)
    {
        if (Current.Kind != kind) throw Unexpected(what);
        Next();
    }

    public JinjaException Unexpected(string expected) => Fail($"expected {expected}, found {Current}");

    public JinjaException Fail(string reason, int line = 0) => new(reason, JinjaException.SyntaxAdvice, line > 0 ? line : Current.Line);
}
