using System.Runtime.CompilerServices;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>Statements: tokens to an immutable syntax tree.</summary>
internal sealed class Parser
{
    private readonly TokenStream _tokens;
    private readonly ExpressionParser _expressions;

    private Parser(TokenStream tokens)
    {
        _tokens = tokens;
        _expressions = new ExpressionParser(tokens);
    }

    public static IReadOnlyList<Statement> Parse(string source)
    {
        var parser = new Parser(new TokenStream(Lexer.Read(source)));
        return parser.ParseStatements();
    }

    /// <summary>Statements up to a tag named in <paramref name="endTags"/>, whose name is then the current token.</summary>
    private List<Statement> ParseStatements(params ReadOnlySpan<string> endTags)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        var body = new List<Statement>();
        while (true)
        {
            var token = _tokens.Next();
            switch (token.Kind)
            {
                case TokenKind.Data:
                    body.Add(new TextOutput(token.Text, token.Line));
                    break;
                case TokenKind.VariableBegin:
                    body.Add(new Print(_expressions.ParseTuple(), token.Line));
                    _tokens.Expect(TokenKind.VariableEnd, "'}}'");
                    break;
                case TokenKind.BlockBegin:
                    if (_tokens.Current.Kind == TokenKind.Name && endTags.Contains(_tokens.Current.Text)) return body;
                    body.Add(ParseStatement());
                    _tokens.Expect(TokenKind.BlockEnd, "'%}'");
                    break;
                default:
                    if (endTags.Length == 0) return body;
                    throw _tokens.Fail($"the template ends where {string.Join(" or ", endTags.ToArray())} is missing");
            }
        }
    }

    private Statement ParseStatement()
    {
        var line = _tokens.Current.Line;
        var tag = _tokens.ExpectName();
        return tag switch
        {
            "if" => ParseIf(line),
            "for" => ParseFor(line),
            "set" => ParseSet(line),
            "macro" => ParseMacro(line),
            "call" => ParseCall(line),
            "filter" => ParseFilterBlock(line),
            "with" => ParseWith(line),
            "generation" => new Generation(ParseBody("endgeneration"), line),
            "break" or "continue" => new LoopControl(tag == "break", line),
            "print" => new Print(_expressions.ParseTuple(), line),
            "include" or "import" or "from" or "extends" or "block" or "autoescape" or "do" or "trans" =>
                throw new JinjaException($"the tag '{tag}' is not supported", "Write the template without it.", line),
            _ => throw _tokens.Fail($"unknown or misplaced tag '{tag}'", line),
        };
    }

    private List<Statement> ParseBlock(params ReadOnlySpan<string> endTags)
    {
        _tokens.SkipOperator(":");
        _tokens.Expect(TokenKind.BlockEnd, "'%}'");
        return ParseStatements(endTags);
    }

    private List<Statement> ParseBody(string endTag)
    {
        var body = ParseBlock(endTag);
        _tokens.Next();
        return body;
    }

    private If ParseIf(int line)
    {
        var branches = new List<(Expression, IReadOnlyList<Statement>)>();
        while (true)
        {
            var test = _expressions.ParseTuple(conditional: false);
            branches.Add((test, ParseBlock("elif", "else", "endif")));
            switch (_tokens.Next().Text)
            {
                case "elif": continue;
                case "else": return new If(branches, ParseBody("endif"), line);
                default: return new If(branches, [], line);
            }
        }
    }

    private For ParseFor(int line)
    {
        var target = _expressions.ParseTarget(endName: "in");
        if (!_tokens.SkipName("in")) throw _tokens.Unexpected("'in'");
        var items = _expressions.ParseTuple(conditional: false, endName: "recursive");
        var filter = _tokens.SkipName("if") ? _expressions.Parse() : null;
        var recursive = _tokens.SkipName("recursive");
        var body = ParseBlock("endfor", "else");
        IReadOnlyList<Statement> otherwise = _tokens.Next().Text == "else" ? ParseBody("endfor") : [];
        return new For(target, items, filter, recursive, body, otherwise, line);
    }

    private Statement ParseSet(int line)
    {
        var target = _expressions.ParseTarget(allowNamespace: true);
        if (_tokens.SkipOperator("=")) return new Assign(target, _expressions.ParseTuple(), line);
        var filter = _tokens.AtOperator("|") ? ParseFilters(null) : null;
        return new AssignBlock(target, filter, ParseBody("endset"), line);
    }

    private FilterCall? ParseFilters(FilterCall? chain)
    {
        while (_tokens.SkipOperator("|")) chain = _expressions.ParseFilter(chain);
        return chain;
    }

    private FilterBlock ParseFilterBlock(int line)
    {
        var filter = ParseFilters(_expressions.ParseFilter(null))!;
        return new FilterBlock(filter, ParseBody("endfilter"), line);
    }

    private With ParseWith(int line)
    {
        var variables = new List<(Expression, Expression)>();
        while (_tokens.Current.Kind != TokenKind.BlockEnd && !_tokens.AtOperator(":"))
        {
            if (variables.Count > 0) _tokens.ExpectOperator(",");
            var target = _expressions.ParseTarget();
            _tokens.ExpectOperator("=");
            variables.Add((target, _expressions.Parse()));
        }

        return new With(variables, ParseBody("endwith"), line);
    }

    private MacroDefinition ParseMacro(int line)
    {
        var name = _tokens.ExpectName();
        var (signature, body) = ParseMacroRest(name, ParseParameters, "endmacro");
        return new MacroDefinition(signature, body, line);
    }

    private CallBlock ParseCall(int line)
    {
        Expression? call = null;
        var (signature, body) = ParseMacroRest("caller", ParseCallHead, "endcall");
        return new CallBlock(call as Call ?? throw _tokens.Fail("'call' needs a call such as name()", line), signature, body, line);

        List<(string, Expression?)> ParseCallHead()
        {
            var parameters = _tokens.AtOperator("(") ? ParseParameters() : [];
            call = _expressions.ParseUnary();
            return parameters;
        }
    }

    private (MacroSignature Signature, List<Statement> Body) ParseMacroRest(
        string name, Func<List<(string, Expression?)>> parseParameters, string endTag)
    {
        var parameters = parseParameters();
        var outer = _expressions.NamesRead;
        var names = _expressions.NamesRead = [];
        var body = ParseBody(endTag);
        outer.UnionWith(names);
        _expressions.NamesRead = outer;
        return (new MacroSignature(name, parameters, names.Contains("caller"), names.Contains("varargs"), names.Contains("kwargs")), body);
    }

    private List<(string, Expression?)> ParseParameters()
    {
        _tokens.ExpectOperator("(");
        var parameters = new List<(string, Expression?)>();
        while (!_tokens.AtOperator(")"))
        {
            if (parameters.Count > 0) _tokens.ExpectOperator(",");
            var name = _tokens.ExpectName();
            var fallback = _tokens.SkipOperator("=") ? _expressions.Parse() : null;
            if (fallback is null && parameters.Count > 0 && parameters[^1].Item2 is not null)
                throw _tokens.Fail("a parameter without a default stands after one with a default");
            parameters.Add((name, fallback));
        }

        _tokens.Next();
        return parameters;
    }
}
