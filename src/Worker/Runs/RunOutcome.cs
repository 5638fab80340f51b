using ContinualService.Domain.Tasks;

namespace ContinualService.Worker.Runs;

/// <summary>How a run ended; the recipe switches over all of it.</summary>
internal abstract record RunOutcome
{
    /// <summary>The process wrote all its files.</summary>
    public sealed record Finished : RunOutcome;

    /// <summary>The task cannot succeed.</summary>
    public sealed record Failed(TaskFailureCode Code, string Message, bool UserError) : RunOutcome;

    /// <summary>The process ended without a word: one attempt is spent.</summary>
    public sealed record Died(string Reason) : RunOutcome;

    /// <summary>The task's owner put it aside; its last checkpoint is stored.</summary>
    public sealed record Paused : RunOutcome;

    /// <summary>The task's owner asked for its end.</summary>
    public sealed record Cancelled : RunOutcome;

    /// <summary>The run was stopped by us; the task waits again and no attempt is spent.</summary>
    public sealed record PutBack(string Reason) : RunOutcome;

    /// <summary>Another worker holds the adapter: nothing may be written any more.</summary>
    public sealed record LeaseLost : RunOutcome;
}
