namespace ContinualService.Engine.Models;

/// <summary>A model, tokenizer or adapter file cannot be used; the message says which file, what is wrong, and what to do.</summary>
public sealed class ModelFormatException : Exception
{
    public ModelFormatException()
    {
    }

    public ModelFormatException(string message)
        : base(message)
    {
    }

    public ModelFormatException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
