namespace ContinualService.Engine.Models;

/// <summary>A model or adapter file that cannot be used: the message names the file, what is wrong with it, and what to do.</summary>
public sealed class ModelFormatException : Exception
{
    public ModelFormatException(string message) : base(message) { }

    public ModelFormatException(string message, Exception innerException) : base(message, innerException) { }

    public ModelFormatException() { }
}
