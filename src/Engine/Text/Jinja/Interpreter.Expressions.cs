using System.Numerics;
using System.Runtime.CompilerServices;
using System.Text;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>Expressions to values.</summary>
internal sealed partial class Interpreter
{
    private object? _lastOwner; // of the attribute evaluated last: what a method call reads through

    private object Evaluate(Expression expression, Scope scope)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        _limits.Step();
        Line = expression.Line;
        return expression switch
        {
            Constant constant => constant.Value,
            NameReference name => scope.Find(name.Name) ?? GlobalFunctions.Find(name.Name, this) ?? Undefined.Variable(name.Name),
            Attribute attribute => EvaluateAttribute(attribute, scope),
            Subscript subscript => EvaluateSubscript(subscript, scope),
            Call call => EvaluateCall(call, scope),
            FilterCall filter => EvaluateFilter(filter, scope),
            TestCall test => EvaluateTest(test, scope),
            AndAlso and => Evaluate(and.Left, scope) is var left && Python.IsTrue(left) ? Evaluate(and.Right, scope) : left,
            OrElse or => Evaluate(or.Left, scope) is var left && Python.IsTrue(left) ? left : Evaluate(or.Right, scope),
            Not not => !Python.IsTrue(Evaluate(not.Operand, scope)),
            Comparison comparison => EvaluateComparison(comparison, scope),
            Arithmetic arithmetic => EvaluateArithmetic(arithmetic, scope),
            Concatenation concatenation => EvaluateConcatenation(concatenation, scope),
            Sign sign => Operators.Negate(Evaluate(sign.Operand, scope), sign.Negative),
            Conditional conditional => EvaluateConditional(conditional, scope),
            ListLiteral list => new ListValue(EvaluateAll(list.Items, scope)),
            TupleLiteral tuple => new TupleValue(EvaluateAll(tuple.Items, scope)),
            DictLiteral dict => new DictValue([.. dict.Items.Select(item => KeyValuePair.Create(Evaluate(item.Key, scope), Evaluate(item.Value, scope)))]),
            Slice => throw new JinjaException("a slice stands where no slice is possible", JinjaException.SyntaxAdvice),
            _ => throw new InvalidOperationException(expression.GetType().Name),
        };
    }

    private object[] EvaluateAll(IReadOnlyList<Expression> items, Scope scope)
    {
        var values = new object[items.Count];
        for (var i = 0; i < values.Length; i++) values[i] = Evaluate(items[i], scope);
        return values;
    }

    private object EvaluateAttribute(Attribute attribute, Scope scope)
    {
        var owner = Evaluate(attribute.Target, scope);
        Line = attribute.Line;
        var value = Members.Attribute(owner, attribute.Name);
        _lastOwner = owner;
        return value;
    }

    private object EvaluateSubscript(Subscript subscript, Scope scope)
    {
        var owner = Evaluate(subscript.Target, scope);
        _limits.Read(Python.AsString(owner) ?? "");
        if (subscript.Index is Slice slice)
        {
            var start = slice.Start is null ? null : Evaluate(slice.Start, scope);
            var stop = slice.Stop is null ? null : Evaluate(slice.Stop, scope);
            var step = slice.Step is null ? null : Evaluate(slice.Step, scope);
            Line = subscript.Line;
            var part = Members.Slice(owner, start, stop, step);
            _limits.Made(part);
            return part;
        }

        var key = Evaluate(subscript.Index, scope);
        Line = subscript.Line;
        return Members.Item(owner, key);
    }

    private object EvaluateConditional(Conditional conditional, Scope scope)
    {
        if (Python.IsTrue(Evaluate(conditional.Test, scope))) return Evaluate(conditional.Then, scope);
        return conditional.Else is null
            ? new Undefined($"the inline if-expression on line {conditional.Line} evaluated to false and no else section was defined")
            : Evaluate(conditional.Else, scope);
    }

    private bool EvaluateComparison(Comparison comparison, Scope scope)
    {
        var left = Evaluate(comparison.First, scope);
        foreach (var (symbol, operand) in comparison.Rest)
        {
            var right = Evaluate(operand, scope);
            Line = comparison.Line;
            _limits.Charge(Math.Min(Container.WeightOf(left), Container.WeightOf(right)) / 64);
            if (symbol is "in" or "not in") _limits.Read(right);
            if (!Operators.Compare(symbol, left, right)) return false;
            left = right;
        }

        return true;
    }

    private object EvaluateArithmetic(Arithmetic arithmetic, Scope scope)
    {
        var left = Evaluate(arithmetic.Left, scope);
        var right = Evaluate(arithmetic.Right, scope);
        Line = arithmetic.Line;
        var result = Operators.Apply(arithmetic.Operator, left, right);
        _limits.Made(result);
        return result;
    }

    private string EvaluateConcatenation(Concatenation concatenation, Scope scope)
    {
        var text = new StringBuilder();
        foreach (var item in concatenation.Items)
        {
            text.Append(Python.Text(Evaluate(item, scope)));
            Limits.Check(new BigInteger(text.Length));
        }

        var result = text.ToString();
        _limits.Made(result);
        return result;
    }

    private object EvaluateFilter(FilterCall filter, Scope scope) => Filter(filter, Evaluate(filter.Target!, scope), scope);

    /// <summary>Sends a value through a filter; a chain that has no value at its start takes <paramref name="value"/> there.</summary>
    private object Filter(FilterCall? filter, object value, Scope scope)
    {
        if (filter is null) return value;
        if (filter.Target is FilterCall { } inner && StartsWithBlock(inner)) value = Filter(inner, value, scope);
        var arguments = EvaluateArguments(filter.Arguments, scope);
        Line = filter.Line;
        return ApplyFilter(filter.Name, value, arguments);
    }

    private static bool StartsWithBlock(FilterCall filter)
    {
        while (filter.Target is FilterCall inner) filter = inner;
        return filter.Target is null;
    }

    private bool EvaluateTest(TestCall test, Scope scope)
    {
        var value = Evaluate(test.Target, scope);
        var arguments = EvaluateArguments(test.Arguments, scope);
        Line = test.Line;
        return ApplyTest(test.Name, value, arguments);
    }

    public object ApplyFilter(string name, object value, Arguments arguments)
    {
        if (!Filters.ByName.TryGetValue(name, out var filter)) throw new JinjaException($"no filter named '{name}'", "Use a filter that is supported, or correct its name.");
        _limits.Step();
        _limits.Read(value);
        var result = filter(this, value, arguments);
        _limits.Made(result);
        return result;
    }

    public bool ApplyTest(string name, object value, Arguments arguments)
    {
        if (!Tests.ByName.TryGetValue(name, out var test)) throw new JinjaException($"no test named '{name}'", "Use a test that is supported, or correct its name.");
        _limits.Step();
        return test(value, arguments);
    }
}
