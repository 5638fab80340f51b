namespace ContinualService.Engine.Text.Jinja;

/// <summary>Macros and calls.</summary>
internal sealed partial class Interpreter
{
    private Callable MakeMacro(MacroSignature signature, IReadOnlyList<Statement> body, Scope scope) =>
        new(signature.Name, arguments => Deeper(() => InvokeMacro(signature, body, scope, arguments))) { IsMacro = true };

    private string InvokeMacro(MacroSignature signature, IReadOnlyList<Statement> body, Scope outer, Arguments arguments)
    {
        var scope = new Scope(outer);
        var keywords = new OrderedDictionary<string, object>(arguments.Keywords);
        var parameters = signature.Parameters;
        for (var i = 0; i < parameters.Count; i++)
        {
            var (name, fallback) = parameters[i];
            if (i < arguments.Positional.Count)
            {
                if (keywords.ContainsKey(name)) throw new JinjaException($"macro '{signature.Name}' got '{name}' twice");
                scope[name] = arguments.Positional[i];
            }
            else if (keywords.Remove(name, out var value)) scope[name] = value;
            else scope[name] = fallback is null ? new Undefined($"parameter '{name}' was not provided") : Evaluate(fallback, scope);
        }

        BindSpecial(signature, scope, arguments, keywords);
        return Capture(body, scope);
    }

    /// <summary><c>caller</c>, <c>kwargs</c> and <c>varargs</c> exist only in a macro that reads them; otherwise what is left over is an error.</summary>
    private static void BindSpecial(MacroSignature signature, Scope scope, Arguments arguments, OrderedDictionary<string, object> keywords)
    {
        if (signature.ReadsCaller && !signature.Parameters.Any(parameter => parameter.Name == "caller"))
            scope["caller"] = keywords.Remove("caller", out var caller) ? caller : new Undefined("No caller defined");
        if (signature.ReadsKwargs) scope["kwargs"] = new DictValue(keywords.Select(pair => KeyValuePair.Create((object)pair.Key, pair.Value)));
        else if (keywords.Count > 0) throw new JinjaException($"macro '{signature.Name}' takes no keyword argument '{keywords.GetAt(0).Key}'");
        var count = signature.Parameters.Count;
        if (signature.ReadsVarargs) scope["varargs"] = new TupleValue([.. arguments.Positional.Skip(count)]);
        else if (arguments.Positional.Count > count)
            throw new JinjaException($"macro '{signature.Name}' takes not more than {count} argument(s)");
    }

    private T Deeper<T>(Func<T> call)
    {
        if (++_callDepth > Limits.MaxCallDepth) throw JinjaException.TooLarge("the recursion of macros");
        var result = call();
        _callDepth--;
        return result;
    }

    private object EvaluateCall(Call call, Scope scope, Callable? caller = null)
    {
        var target = Evaluate(call.Target, scope);
        var arguments = EvaluateArguments(call.Arguments, scope, caller);
        Line = call.Line;
        if (call.Target is Attribute or Subscript) ChargeOwner(call.Target, arguments);
        var result = target switch
        {
            Callable callable => callable.Body(arguments),
            LoopState { Recurse: { } recurse } => Deeper(() => recurse(arguments.Single("loop()"))),
            LoopState => throw new JinjaException("the loop must have the 'recursive' marker to be called recursively"),
            Undefined undefined => throw new JinjaException(undefined.Message),
            _ => throw new JinjaException($"'{Python.TypeName(target)}' object is not callable"),
        };
        _limits.Made(result);
        return result;
    }

    private void ChargeOwner(Expression target, Arguments arguments)
    {
        if (_lastOwner is not null && target is Attribute) _limits.Read(_lastOwner);
        foreach (var argument in arguments.Positional) _limits.Read(argument);
    }

    private Arguments EvaluateArguments(ArgumentList list, Scope scope, Callable? caller = null)
    {
        if (list.Positional.Count == 0 && list.Keywords.Count == 0 && list.Spread is null && list.KeywordSpread is null && caller is null) return Arguments.None;
        var positional = list.Positional.Select(argument => Evaluate(argument, scope)).ToList();
        OrderedDictionary<string, object> keywords = [];
        foreach (var (name, value) in list.Keywords) Add(name, Evaluate(value, scope));
        if (list.Spread is not null) positional.AddRange(Python.Iterate(Evaluate(list.Spread, scope)));
        if (list.KeywordSpread is not null)
        {
            if (Evaluate(list.KeywordSpread, scope) is not DictValue dict) throw new JinjaException("the argument after ** must be a mapping");
            foreach (var (name, value) in dict.Items) Add(Python.RequireText(name, "a keyword"), value);
        }

        if (caller is not null) Add("caller", caller);
        return new Arguments(positional, keywords);

        void Add(string name, object value)
        {
            if (!keywords.TryAdd(name, value)) throw new JinjaException($"the keyword argument '{name}' is repeated");
        }
    }
}
