namespace ContinualService.Domain.Tasks;

/// <summary>The names of a task's events, as clients see them.</summary>
public static class TaskEventTypes
{
    public const string Queued = "queued";
    public const string Started = "started";
    public const string Phase = "phase";
    public const string Progress = "progress";

    /// <summary>The memory plan makes a step smaller than a whole batch at once.</summary>
    public const string MemoryPlan = "memory_plan";

    /// <summary>Memory ran out: the step is tried again with fewer rows at a time, in the same run or in the next.</summary>
    public const string OutOfMemory = "out_of_memory";
    public const string Checkpoint = "checkpoint";
    public const string Resumed = "resumed";

    /// <summary>The adapter wrote rows of its earlier tasks itself and learns them beside the task's own.</summary>
    public const string RowsAdded = "rows_added";

    /// <summary>Of earlier tasks not all held-out rows are scored: the service bounds what scoring costs beside training.</summary>
    public const string RowsLeftOut = "rows_left_out";
    public const string Paused = "paused";
    public const string AttemptFailed = "attempt_failed";
    public const string Evaluated = "evaluated";
    public const string Published = "published";

    /// <summary>In place of <see cref="Published"/>: there is a version, and it neither answers nor is learned on.</summary>
    public const string GateRefused = "gate_refused";

    /// <summary>The version that was published went over a limit of <see cref="Drift.DriftLimits"/>; one event for each.</summary>
    public const string DriftAlarm = "drift_alarm";
    public const string Succeeded = "succeeded";
    public const string Failed = "failed";
    public const string Cancelled = "cancelled";

    /// <summary>After one of these a task has no further events, but for a version that is let through later.</summary>
    public static bool IsFinal(string type) => type is Succeeded or Failed or Cancelled;
}
