namespace ContinualService.Infrastructure.Storage;

/// <summary>A stored object is missing, or its bytes are not those that its hash names.</summary>
public sealed class ObjectDamagedException : IOException
{
    public ObjectDamagedException()
    {
    }

    public ObjectDamagedException(string message)
        : base(message)
    {
    }

    public ObjectDamagedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
