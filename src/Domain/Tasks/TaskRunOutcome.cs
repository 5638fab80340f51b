namespace ContinualService.Domain.Tasks;

/// <summary>How a run ended.</summary>
public enum TaskRunOutcome
{
    Succeeded,

    /// <summary>The task cannot succeed.</summary>
    Failed,

    /// <summary>The training process or its worker ended without a word.</summary>
    Died,

    Cancelled,

    Paused,

    /// <summary>Ended by a stopping host; the task waits again.</summary>
    PutBack,
}
