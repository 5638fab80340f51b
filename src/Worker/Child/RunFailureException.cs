using ContinualService.Domain.Tasks;

namespace ContinualService.Worker.Child;

/// <summary>The run cannot succeed, however often it is tried.</summary>
internal sealed class RunFailureException : Exception
{
    public RunFailureException()
    {
    }

    public RunFailureException(string message)
        : base(message)
    {
    }

    public RunFailureException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    public RunFailureException(TaskFailureCode code, string message, bool userError, Exception? innerException = null)
        : base(message, innerException) => (Code, UserError) = (code, userError);

    public TaskFailureCode Code { get; } = TaskFailureCode.InternalError;

    public bool UserError { get; }
}
