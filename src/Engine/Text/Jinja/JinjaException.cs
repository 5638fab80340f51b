namespace ContinualService.Engine.Text.Jinja;

/// <summary>An error inside a template, without its line yet: <see cref="ChatTemplate"/> adds the line and throws the public exception.</summary>
internal sealed class JinjaException : Exception
{
    public const string DataAdvice = "Check that the conversation has what the template reads, or correct the template.";
    public const string RefusalAdvice = "The template refuses this conversation: change its messages accordingly.";
    public const string SyntaxAdvice = "Correct the template's syntax there.";
    public const string LimitAdvice = "Shorten the conversation or simplify the template.";

    public JinjaException(string reason, string advice = DataAdvice, int line = 0) : base(reason)
    {
        Advice = advice;
        Line = line;
    }

    public string Advice { get; }

    /// <summary>The line where known; 0: where the interpreter stands.</summary>
    public int Line { get; }

    public static JinjaException TooLarge(string what) => new($"{what} grows too large", LimitAdvice);
}
