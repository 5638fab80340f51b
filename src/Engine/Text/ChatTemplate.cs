using System.Security.Cryptography;
using System.Text;
using ContinualService.Engine.Text.Jinja;

namespace ContinualService.Engine.Text;

/// <summary>
/// A chat template in the subset of Jinja2 that published models use, rendered as transformers renders it: <c>trim_blocks</c>,
/// <c>lstrip_blocks</c>, loop controls, <c>generation</c> blocks. Immutable; one instance serves many threads. Templates are not
/// trusted: they reach nothing but the request, and their work and output are bounded.
/// </summary>
public sealed class ChatTemplate
{
    private readonly IReadOnlyList<Statement> _statements;

    private ChatTemplate(string source, IReadOnlyList<Statement> statements)
    {
        _statements = statements;
        Source = source;
        Sha256 = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(source)));
    }

    /// <summary>The template as it was read.</summary>
    public string Source { get; }

    /// <summary>Hexadecimal SHA-256 of the template's UTF-8 source.</summary>
    public string Sha256 { get; }

    /// <exception cref="ChatTemplateException">The source is no template of the supported subset.</exception>
    public static ChatTemplate Parse(string source)
    {
        ArgumentNullException.ThrowIfNull(source);
        try
        {
            return new ChatTemplate(source, Parser.Parse(source));
        }
        catch (JinjaException failure)
        {
            throw new ChatTemplateException(failure.Message, failure.Line, failure.Advice);
        }
        catch (InsufficientExecutionStackException)
        {
            // Only nesting no real template has gets here.
            throw new ChatTemplateException("the template is nested too deeply", 0, JinjaException.LimitAdvice);
        }
    }

    /// <exception cref="ChatTemplateException">The template refused the conversation, met an error or outgrew its bounds.</exception>
    public RenderedChat Render(ChatRenderRequest request) => Render(request, null);

    /// <param name="mark">Applied to every string of the messages before the template sees it.</param>
    internal RenderedChat Render(ChatRenderRequest request, Func<string, string>? mark)
    {
        Interpreter? interpreter = null;
        try
        {
            interpreter = new Interpreter(Variables(request, mark), request.Now);
            return interpreter.Render(_statements);
        }
        catch (JinjaException failure)
        {
            throw new ChatTemplateException(failure.Message, failure.Line > 0 ? failure.Line : interpreter?.Line ?? 0, failure.Advice);
        }
        catch (InsufficientExecutionStackException)
        {
            // Deep recursion is an error of the template, not of the process.
            throw new ChatTemplateException("the template recurses too deeply", interpreter?.Line ?? 0, JinjaException.LimitAdvice);
        }
    }

    private static Scope Variables(ChatRenderRequest request, Func<string, string>? mark)
    {
        var scope = new Scope(null)
        {
            ["messages"] = JsonReader.Read(request.Messages, mark),
            ["tools"] = JsonReader.Read(request.Tools),
            ["documents"] = NoneValue.Instance,
            ["add_generation_prompt"] = request.AddGenerationPrompt,
        };
        if (request.BosToken is not null) scope["bos_token"] = request.BosToken;
        if (request.EosToken is not null) scope["eos_token"] = request.EosToken;
        foreach (var (name, value) in request.Variables ?? []) scope[name] = JsonReader.Read(value);
        return scope;
    }
}
