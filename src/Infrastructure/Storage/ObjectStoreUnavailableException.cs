namespace ContinualService.Infrastructure.Storage;

/// <summary>The object store does not answer, or refuses to serve; the message says what to look at. The same call may succeed later.</summary>
public sealed class ObjectStoreUnavailableException : IOException
{
    public ObjectStoreUnavailableException()
    {
    }

    public ObjectStoreUnavailableException(string message)
        : base(message)
    {
    }

    public ObjectStoreUnavailableException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
