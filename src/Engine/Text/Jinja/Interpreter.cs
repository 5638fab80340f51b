using System.Runtime.CompilerServices;
using System.Text;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>Runs a template's statements and writes its text.</summary>
internal sealed partial class Interpreter
{
    private readonly Limits _limits = new();
    private readonly Scope _globals;
    private readonly StringBuilder _root = new();
    private readonly List<(int Start, int End)> _spans = [];
    private StringBuilder _output;
    private int _callDepth;

    public Interpreter(Scope globals, DateTimeOffset now)
    {
        _globals = globals;
        Now = now;
        _output = _root;
    }

    private enum Flow
    {
        Normal,
        Break,
        Continue,
    }

    /// <summary>What <c>strftime_now</c> prints.</summary>
    public DateTimeOffset Now { get; }

    /// <summary>The line of the node that is being worked on, for errors.</summary>
    public int Line { get; private set; } = 1;

    public RenderedChat Render(IReadOnlyList<Statement> template)
    {
        if (Execute(template, _globals) != Flow.Normal) throw new JinjaException("'break' or 'continue' stands outside a loop", JinjaException.SyntaxAdvice);
        return new RenderedChat(_root.ToString(), _spans);
    }

    private Flow Execute(IReadOnlyList<Statement> body, Scope scope)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        foreach (var statement in body)
        {
            var flow = Execute(statement, scope);
            if (flow != Flow.Normal) return flow;
        }

        return Flow.Normal;
    }

    private Flow Execute(Statement statement, Scope scope)
    {
        _limits.Step();
        Line = statement.Line;
        switch (statement)
        {
            case TextOutput text: Write(text.Text); break;
            case Print print: Write(Python.Text(Evaluate(print.Value, scope))); break;
            case If test: return ExecuteIf(test, scope);
            case For loop: return ExecuteFor(loop, Evaluate(loop.Items, scope), scope, 0);
            case LoopControl control: return control.Break ? Flow.Break : Flow.Continue;
            case Assign assign: AssignTo(assign.Target, Evaluate(assign.Value, scope), scope); break;
            case AssignBlock block: AssignTo(block.Target, Filter(block.Filter, Capture(block.Body, new Scope(scope)), scope), scope); break;
            case With with: return ExecuteWith(with, scope);
            case FilterBlock filter: Write(Python.Text(Filter(filter.Filter, Capture(filter.Body, new Scope(scope)), scope))); break;
            case Generation generation: ExecuteGeneration(generation, scope); break;
            case MacroDefinition macro: scope[macro.Signature.Name] = MakeMacro(macro.Signature, macro.Body, scope); break;
            case CallBlock call: ExecuteCallBlock(call, scope); break;
            default: throw new InvalidOperationException(statement.GetType().Name);
        }

        return Flow.Normal;
    }

    private void Write(string text)
    {
        _output.Append(text);
        if (_output.Length > Limits.MaxTextLength) throw JinjaException.TooLarge("the rendered text");
    }

    private Flow ExecuteIf(If statement, Scope scope)
    {
        foreach (var (test, body) in statement.Branches)
        {
            if (Python.IsTrue(Evaluate(test, scope))) return Execute(body, scope);
        }

        return Execute(statement.Else, scope);
    }

    private Flow ExecuteFor(For loop, object source, Scope scope, int depth)
    {
        var items = new List<object>();
        foreach (var item in Python.Iterate(source))
        {
            _limits.Step();
            if (loop.Filter is null || Passes(item)) items.Add(item);
        }

        if (items.Count == 0) return Execute(loop.Else, scope);
        var state = new LoopState(items, depth) { Recurse = loop.Recursive ? Recurse : null };
        for (var i = 0; i < items.Count; i++)
        {
            state.Index0 = i;
            var inner = new Scope(scope);
            AssignTo(loop.Target, items[i], inner);
            inner["loop"] = state;
            if (Execute(loop.Body, inner) == Flow.Break) break;
        }

        return Flow.Normal;

        bool Passes(object item)
        {
            var inner = new Scope(scope);
            AssignTo(loop.Target, item, inner);
            return Python.IsTrue(Evaluate(loop.Filter, inner));
        }

        object Recurse(object children) => Captured(() => ExecuteFor(loop, children, scope, depth + 1));
    }

    private Flow ExecuteWith(With with, Scope scope)
    {
        var inner = new Scope(scope);
        foreach (var (target, value) in with.Variables) AssignTo(target, Evaluate(value, scope), inner);
        return Execute(with.Body, inner);
    }

    /// <summary>The block's text, and where it stands: the offset counts what the template itself has written so far.</summary>
    private void ExecuteGeneration(Generation generation, Scope scope)
    {
        var text = Capture(generation.Body, new Scope(scope));
        _spans.Add((_root.Length, _root.Length + text.Length));
        Write(text);
    }

    private void ExecuteCallBlock(CallBlock block, Scope scope)
    {
        var caller = MakeMacro(block.Signature, block.Body, scope);
        Write(Python.Text(EvaluateCall(block.Call, scope, caller)));
    }

    private static void AssignTo(Expression target, object value, Scope scope)
    {
        switch (target)
        {
            case NameReference name:
                scope[name.Name] = value;
                break;
            case NamespaceReference reference:
                if (scope.Find(reference.Name) is not NamespaceValue space) throw new JinjaException("cannot assign attribute on non-namespace object");
                space.Attributes[reference.Attribute] = value;
                break;
            case TupleLiteral tuple:
                var items = Python.Iterate(value).Take(tuple.Items.Count + 1).ToArray();
                if (items.Length != tuple.Items.Count)
                    throw new JinjaException($"{(items.Length < tuple.Items.Count ? "not enough" : "too many")} values to unpack, expected {tuple.Items.Count}");
                for (var i = 0; i < items.Length; i++) AssignTo(tuple.Items[i], items[i], scope);
                break;
        }
    }

    private string Capture(IReadOnlyList<Statement> body, Scope scope) => Captured(() => Execute(body, scope));

    private string Captured(Func<Flow> execute)
    {
        var outer = _output;
        _output = new StringBuilder();
        if (execute() != Flow.Normal) throw new JinjaException("'break' or 'continue' stands outside a loop", JinjaException.SyntaxAdvice);
        var text = _output.ToString();
        _output = outer;
        _limits.Made(text);
        return text;
    }
}
