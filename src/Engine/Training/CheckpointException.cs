namespace ContinualService.Engine.Training;

/// <summary>A checkpoint that this run cannot continue from. The run can always start from its first step instead, with the same result.</summary>
public sealed class CheckpointException : Exception
{
    public CheckpointException(string message) : base(message) { }

    public CheckpointException(string message, Exception innerException) : base(message, innerException) { }

    public CheckpointException() { }

    internal CheckpointException(CheckpointFault fault, string message, Exception? innerException = null)
        : base(message + " Start the run from its first step: it ends with the same weights.", innerException) => Fault = fault;

    public CheckpointFault Fault { get; }
}
