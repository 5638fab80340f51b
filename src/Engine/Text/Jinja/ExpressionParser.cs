using System.Runtime.CompilerServices;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>Expressions, with Jinja2's precedence: if, or, and, not, comparison, + -, ~, * / // %, **, sign, postfix, filter and test.</summary>
internal sealed class ExpressionParser(TokenStream tokens)
{
    /// <summary>The names read so far; a macro's parser looks here for the special ones.</summary>
    public HashSet<string> NamesRead { get; set; } = [];

    public Expression Parse(bool conditional = true) => conditional ? ParseConditional() : ParseOr();

    /// <summary>One expression, or a tuple without parentheses.</summary>
    public Expression ParseTuple(bool conditional = true, string? endName = null, bool parenthesized = false) =>
        ParseTuple(() => Parse(conditional), endName, parenthesized);

    /// <summary>What <c>set</c> and <c>for</c> assign to: a name, a tuple of targets, or <c>ns.attribute</c>.</summary>
    public Expression ParseTarget(string? endName = null, bool allowNamespace = false)
    {
        var target = ParseTuple(() => ParsePrimary(allowNamespace), endName, parenthesized: false);
        CheckTarget(target);
        return target;
    }

    public FilterCall ParseFilter(Expression? target)
    {
        var line = tokens.Current.Line;
        var name = ParseDottedName();
        var arguments = tokens.AtOperator("(") ? ParseArguments() : ArgumentList.Empty;
        return new FilterCall(target, name, arguments, line);
    }

    public Expression ParseUnary(bool withFilter = true)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        var line = tokens.Current.Line;
        Expression node;
        if (tokens.SkipOperator("-")) node = new Sign(true, ParseUnary(false), line);
        else if (tokens.SkipOperator("+")) node = new Sign(false, ParseUnary(false), line);
        else node = ParsePrimary(false);
        node = ParsePostfix(node);
        return withFilter ? ParseFiltersAndTests(node) : node;
    }

    private Expression ParseTuple(Func<Expression> parse, string? endName, bool parenthesized)
    {
        var line = tokens.Current.Line;
        var items = new List<Expression>();
        var isTuple = false;
        while (true)
        {
            if (items.Count > 0) tokens.ExpectOperator(",");
            if (AtTupleEnd(endName)) break;
            items.Add(parse());
            if (!tokens.AtOperator(",")) break;
            isTuple = true;
        }

        if (isTuple) return new TupleLiteral(items, line);
        if (items.Count > 0) return items[0];
        return parenthesized ? new TupleLiteral(items, line) : throw tokens.Unexpected("an expression");
    }

    private bool AtTupleEnd(string? endName) =>
        tokens.Current.Kind is TokenKind.VariableEnd or TokenKind.BlockEnd
        || tokens.AtOperator(")")
        || (endName is not null && tokens.Current.IsName(endName));

    private void CheckTarget(Expression target)
    {
        switch (target)
        {
            case NameReference or NamespaceReference: return;
            case TupleLiteral tuple: foreach (var item in tuple.Items) CheckTarget(item); return;
            default: throw tokens.Fail("only a name can be assigned to", target.Line);
        }
    }

    private Expression ParseConditional()
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        var node = ParseOr();
        while (tokens.Current.IsName("if"))
        {
            var line = tokens.Next().Line;
            var test = ParseOr();
            var otherwise = tokens.SkipName("else") ? ParseConditional() : null;
            node = new Conditional(test, node, otherwise, line);
        }

        return node;
    }

    private Expression ParseOr()
    {
        var node = ParseAnd();
        while (tokens.Current.IsName("or")) node = new OrElse(node, After(ParseAnd), tokens.Current.Line);
        return node;
    }

    private Expression ParseAnd()
    {
        var node = ParseNot();
        while (tokens.Current.IsName("and")) node = new AndAlso(node, After(ParseNot), tokens.Current.Line);
        return node;
    }

    private Expression ParseNot()
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        var line = tokens.Current.Line;
        return tokens.SkipName("not") ? new Not(ParseNot(), line) : ParseComparison();
    }

    private Expression ParseComparison()
    {
        var first = ParseSum();
        var rest = new List<(string, Expression)>();
        while (true)
        {
            var current = tokens.Current;
            if (current.Kind == TokenKind.Operator && current.Text is "==" or "!=" or "<" or "<=" or ">" or ">=")
                rest.Add((current.Text, After(ParseSum)));
            else if (current.IsName("in"))
                rest.Add(("in", After(ParseSum)));
            else if (current.IsName("not") && tokens.Following.IsName("in"))
                rest.Add(("not in", AfterTwo(ParseSum)));
            else
                break;
        }

        return rest.Count == 0 ? first : new Comparison(first, rest, first.Line);
    }

    private Expression ParseSum() => ParseLeft(ParseConcatenation, "+", "-");

    private Expression ParseConcatenation()
    {
        var first = ParseProduct();
        if (!tokens.AtOperator("~")) return first;
        var items = new List<Expression> { first };
        while (tokens.SkipOperator("~")) items.Add(ParseProduct());
        return new Concatenation(items, first.Line);
    }

    private Expression ParseProduct() => ParseLeft(ParsePower, "*", "/", "//", "%");

    private Expression ParsePower() => ParseLeft(() => ParseUnary(), "**");

    private Expression ParseLeft(Func<Expression> operand, params ReadOnlySpan<string> operators)
    {
        var node = operand();
        while (tokens.Current.Kind == TokenKind.Operator && operators.Contains(tokens.Current.Text))
        {
            var symbol = tokens.Next();
            node = new Arithmetic(symbol.Text, node, operand(), symbol.Line);
        }

        return node;
    }

    private Expression ParsePrimary(bool allowNamespace)
    {
        var token = tokens.Current;
        switch (token.Kind)
        {
            case TokenKind.Name:
                return ParseName(allowNamespace);
            case TokenKind.String:
                var text = tokens.Next().Text;
                while (tokens.Current.Kind == TokenKind.String) text += tokens.Next().Text;
                return new Constant(text, token.Line);
            case TokenKind.Number:
                return new Constant(tokens.Next().Value!, token.Line);
            case TokenKind.Operator when token.Text == "(":
                tokens.Next();
                var inner = ParseTuple(parenthesized: true);
                tokens.ExpectOperator(")");
                return inner;
            case TokenKind.Operator when token.Text == "[":
                return ParseList();
            case TokenKind.Operator when token.Text == "{":
                return ParseDict();
            default:
                throw tokens.Fail($"unexpected {token}");
        }
    }

    private Expression ParseName(bool allowNamespace)
    {
        var token = tokens.Next();
        switch (token.Text)
        {
            case "true" or "True": return new Constant(true, token.Line);
            case "false" or "False": return new Constant(false, token.Line);
            case "none" or "None": return new Constant(NoneValue.Instance, token.Line);
        }

        NamesRead.Add(token.Text);
        if (allowNamespace && tokens.SkipOperator(".")) return new NamespaceReference(token.Text, tokens.ExpectName(), token.Line);
        return new NameReference(token.Text, token.Line);
    }

    private ListLiteral ParseList()
    {
        var line = tokens.Next().Line;
        var items = new List<Expression>();
        while (!tokens.AtOperator("]"))
        {
            if (items.Count > 0) tokens.ExpectOperator(",");
            if (tokens.AtOperator("]")) break;
            items.Add(Parse());
        }

        tokens.Next();
        return new ListLiteral(items, line);
    }

    private DictLiteral ParseDict()
    {
        var line = tokens.Next().Line;
        var items = new List<(Expression, Expression)>();
        while (!tokens.AtOperator("}"))
        {
            if (items.Count > 0) tokens.ExpectOperator(",");
            if (tokens.AtOperator("}")) break;
            var key = Parse();
            tokens.ExpectOperator(":");
            items.Add((key, Parse()));
        }

        tokens.Next();
        return new DictLiteral(items, line);
    }

    private Expression ParsePostfix(Expression node)
    {
        while (true)
        {
            if (tokens.AtOperator(".") || tokens.AtOperator("[")) node = ParseSubscript(node);
            else if (tokens.AtOperator("(")) node = new Call(node, ParseArguments(), node.Line);
            else return node;
        }
    }

    private Expression ParseFiltersAndTests(Expression node)
    {
        while (true)
        {
            if (tokens.SkipOperator("|")) node = ParseFilter(node);
            else if (tokens.SkipName("is")) node = ParseTest(node);
            else if (tokens.AtOperator("(")) node = new Call(node, ParseArguments(), node.Line);
            else return node;
        }
    }

    private Expression ParseSubscript(Expression node)
    {
        var line = tokens.Current.Line;
        if (tokens.SkipOperator("."))
        {
            var token = tokens.Next();
            if (token.Kind == TokenKind.Name) return new Attribute(node, token.Text, token.Line);
            if (token is { Kind: TokenKind.Number, Value: System.Numerics.BigInteger }) return new Subscript(node, new Constant(token.Value, token.Line), token.Line);
            throw tokens.Fail($"expected a name or number after '.', found {token}", token.Line);
        }

        tokens.Next();
        var indices = new List<Expression>();
        while (!tokens.AtOperator("]"))
        {
            if (indices.Count > 0) tokens.ExpectOperator(",");
            indices.Add(ParseIndex());
        }

        tokens.Next();
        return new Subscript(node, indices.Count == 1 ? indices[0] : new TupleLiteral(indices, line), line);
    }

    private Expression ParseIndex()
    {
        var line = tokens.Current.Line;
        Expression? start = null;
        if (!tokens.AtOperator(":"))
        {
            start = Parse();
            if (!tokens.AtOperator(":")) return start;
        }

        tokens.Next();
        var stop = AtIndexEnd() || tokens.AtOperator(":") ? null : Parse();
        var step = tokens.SkipOperator(":") && !AtIndexEnd() ? Parse() : null;
        return new Slice(start, stop, step, line);
    }

    private bool AtIndexEnd() => tokens.AtOperator("]") || tokens.AtOperator(",");

    public ArgumentList ParseArguments()
    {
        tokens.ExpectOperator("(");
        var positional = new List<Expression>();
        var keywords = new List<(string, Expression)>();
        Expression? spread = null, keywordSpread = null;
        var first = true;
        while (!tokens.AtOperator(")"))
        {
            if (!first) tokens.ExpectOperator(",");
            if (tokens.AtOperator(")")) break;
            first = false;
            if (tokens.AtOperator("*") && spread is null && keywordSpread is null) spread = After(() => Parse());
            else if (tokens.AtOperator("**") && keywordSpread is null) keywordSpread = After(() => Parse());
            else if (tokens.Current.Kind == TokenKind.Name && tokens.Following.IsOperator("=") && keywordSpread is null)
                keywords.Add((tokens.Current.Text, AfterTwo(() => Parse())));
            else if (spread is null && keywordSpread is null && keywords.Count == 0) positional.Add(Parse());
            else throw tokens.Fail("a positional argument stands after a keyword or spread argument");
        }

        tokens.Next();
        return new ArgumentList(positional, keywords, spread, keywordSpread);
    }

    private Expression ParseTest(Expression node)
    {
        var line = tokens.Current.Line;
        var negated = tokens.SkipName("not");
        var name = ParseDottedName();
        var arguments = ArgumentList.Empty;
        if (tokens.AtOperator("(")) arguments = ParseArguments();
        else if (StartsOperand()) arguments = new ArgumentList([ParsePostfix(ParsePrimary(false))], [], null, null);
        Expression test = new TestCall(node, name, arguments, line);
        return negated ? new Not(test, line) : test;
    }

    private bool StartsOperand()
    {
        var token = tokens.Current;
        if (token.IsName("is")) throw tokens.Fail("tests with 'is' cannot be chained");
        return token.Kind switch
        {
            TokenKind.Name => token.Text is not ("else" or "or" or "and"),
            TokenKind.String or TokenKind.Number => true,
            TokenKind.Operator => token.Text is "[" or "{",
            _ => false,
        };
    }

    private string ParseDottedName()
    {
        var name = tokens.ExpectName();
        while (tokens.SkipOperator(".")) name += "." + tokens.ExpectName();
        return name;
    }

    private Expression After(Func<Expression> parse)
    {
        tokens.Next();
        return parse();
    }

    private Expression AfterTwo(Func<Expression> parse)
    {
        tokens.Next();
        return After(parse);
    }
}
