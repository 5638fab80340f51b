namespace ContinualService.Engine.Text;

/// <summary>A chat template that cannot be read or rendered; the message names the template's line and what to do about it.</summary>
public sealed class ChatTemplateException : Exception
{
    public ChatTemplateException()
    {
    }

    public ChatTemplateException(string message) : base(message)
    {
    }

    public ChatTemplateException(string message, Exception? innerException) : base(message, innerException)
    {
    }

    public ChatTemplateException(string reason, int line, string advice)
        : base($"chat template, line {line}: {reason}. {advice}")
    {
        Reason = reason;
        Line = line;
    }

    /// <summary>The template's line, counted from 1; 0 when no line is at fault.</summary>
    public int Line { get; }

    /// <summary>What went wrong, without the line and the advice: for <c>raise_exception</c>, the template's own message.</summary>
    public string Reason { get; } = "";
}
