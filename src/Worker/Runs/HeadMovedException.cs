namespace ContinualService.Worker.Runs;

/// <summary>The adapter went back to another version while a run was under way.</summary>
internal sealed class HeadMovedException : Exception
{
    public HeadMovedException()
    {
    }

    public HeadMovedException(string message)
        : base(message)
    {
    }

    public HeadMovedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
