namespace ContinualService.Engine.Text.Jinja;

/// <summary>An expression of the syntax tree.</summary>
internal abstract record Expression(int Line);

internal sealed record Constant(object Value, int Line) : Expression(Line);

internal sealed record NameReference(string Name, int Line) : Expression(Line);

/// <summary><c>ns.attribute</c> as the target of <c>set</c>.</summary>
internal sealed record NamespaceReference(string Name, string Attribute, int Line) : Expression(Line);

internal sealed record ListLiteral(IReadOnlyList<Expression> Items, int Line) : Expression(Line);

internal sealed record TupleLiteral(IReadOnlyList<Expression> Items, int Line) : Expression(Line);

internal sealed record DictLiteral(IReadOnlyList<(Expression Key, Expression Value)> Items, int Line) : Expression(Line);

internal sealed record Conditional(Expression Test, Expression Then, Expression? Else, int Line) : Expression(Line);

internal sealed record AndAlso(Expression Left, Expression Right, int Line) : Expression(Line);

internal sealed record OrElse(Expression Left, Expression Right, int Line) : Expression(Line);

internal sealed record Not(Expression Operand, int Line) : Expression(Line);

/// <summary>A chain such as <c>1 &lt; x &lt;= 3</c>.</summary>
internal sealed record Comparison(Expression First, IReadOnlyList<(string Operator, Expression Operand)> Rest, int Line) : Expression(Line);

internal sealed record Arithmetic(string Operator, Expression Left, Expression Right, int Line) : Expression(Line);

internal sealed record Concatenation(IReadOnlyList<Expression> Items, int Line) : Expression(Line);

internal sealed record Sign(bool Negative, Expression Operand, int Line) : Expression(Line);

internal sealed record Attribute(Expression Target, string Name, int Line) : Expression(Line);

internal sealed record Subscript(Expression Target, Expression Index, int Line) : Expression(Line);

internal sealed record Slice(Expression? Start, Expression? Stop, Expression? Step, int Line) : Expression(Line);

internal sealed record Call(Expression Target, ArgumentList Arguments, int Line) : Expression(Line);

/// <summary>A filter; <c>Target</c> is null where a block's text is what is filtered.</summary>
internal sealed record FilterCall(Expression? Target, string Name, ArgumentList Arguments, int Line) : Expression(Line);

internal sealed record TestCall(Expression Target, string Name, ArgumentList Arguments, int Line) : Expression(Line);

internal sealed record ArgumentList(
    IReadOnlyList<Expression> Positional,
    IReadOnlyList<(string Name, Expression Value)> Keywords,
    Expression? Spread,
    Expression? KeywordSpread)
{
    public static ArgumentList Empty { get; } = new([], [], null, null);
}

/// <summary>A statement of the syntax tree.</summary>
internal abstract record Statement(int Line);

internal sealed record TextOutput(string Text, int Line) : Statement(Line);

internal sealed record Print(Expression Value, int Line) : Statement(Line);

internal sealed record If(IReadOnlyList<(Expression Test, IReadOnlyList<Statement> Body)> Branches, IReadOnlyList<Statement> Else, int Line)
    : Statement(Line);

internal sealed record For(
    Expression Target,
    Expression Items,
    Expression? Filter,
    bool Recursive,
    IReadOnlyList<Statement> Body,
    IReadOnlyList<Statement> Else,
    int Line) : Statement(Line);

internal sealed record LoopControl(bool Break, int Line) : Statement(Line);

internal sealed record Assign(Expression Target, Expression Value, int Line) : Statement(Line);

internal sealed record AssignBlock(Expression Target, FilterCall? Filter, IReadOnlyList<Statement> Body, int Line) : Statement(Line);

internal sealed record With(IReadOnlyList<(Expression Target, Expression Value)> Variables, IReadOnlyList<Statement> Body, int Line)
    : Statement(Line);

internal sealed record FilterBlock(FilterCall Filter, IReadOnlyList<Statement> Body, int Line) : Statement(Line);

internal sealed record Generation(IReadOnlyList<Statement> Body, int Line) : Statement(Line);

internal sealed record MacroDefinition(MacroSignature Signature, IReadOnlyList<Statement> Body, int Line) : Statement(Line);

internal sealed record CallBlock(Call Call, MacroSignature Signature, IReadOnlyList<Statement> Body, int Line) : Statement(Line);

/// <summary>A macro's parameters, and which of the special names its body reads (only then does it accept them).</summary>
internal sealed record MacroSignature(
    string Name,
    IReadOnlyList<(string Name, Expression? Default)> Parameters,
    bool ReadsCaller,
    bool ReadsVarargs,
    bool ReadsKwargs);
