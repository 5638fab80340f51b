namespace ContinualService.Bench;

/// <summary>The command line cannot be understood or points at something that is not there.</summary>
public sealed class UsageException : Exception
{
    public UsageException(string message) : base(message) { }

    public UsageException(string message, Exception innerException) : base(message, innerException) { }

    public UsageException() { }
}
