namespace ContinualService.Domain.Tasks;

/// <summary>One attempt at a task, by one worker under one lease.</summary>
public sealed class TaskRun
{
    /// <summary>Also part of the lease's owner.</summary>
    public required string Id { get; init; }

    public required string TaskId { get; init; }

    public required string TenantId { get; init; }

    public required string AdapterId { get; init; }

    public required string WorkerId { get; init; }

    /// <summary>Host and process; kept here because workers are forgotten sooner than their runs.</summary>
    public required string WorkerName { get; init; }

    /// <summary>1, 2, ... per task.</summary>
    public int Attempt { get; init; }

    /// <summary>The fencing number of its lease.</summary>
    public long Fence { get; init; }

    /// <summary>cpu, cuda, cuda:N.</summary>
    public required string Device { get; init; }

    /// <summary>The step of the checkpoint it went on from; 0: from the beginning.</summary>
    public int FromStep { get; set; }

    public DateTimeOffset StartedAt { get; init; }

    /// <summary>Null while it goes on.</summary>
    public DateTimeOffset? EndedAt { get; set; }

    /// <summary>Null while it goes on.</summary>
    public TaskRunOutcome? Outcome { get; set; }

    /// <summary>Why it ended as it did; null after a success.</summary>
    public string? Reason { get; set; }

    /// <summary>Real tokens, padding not counted, that went through the model in all its steps; null unless it trained from the first step to the last.</summary>
    public long? ProcessedTokens { get; set; }

    /// <summary>What those steps took.</summary>
    public double? TrainingSeconds { get; set; }

    /// <summary>Held-out rows that it scored, a row counted for each set of weights; null unless it trained from the first step to the last.</summary>
    public int? ScoredRows { get; set; }

    /// <summary>What that took.</summary>
    public double? ScoringSeconds { get; set; }

    /// <summary>The most memory that its training process held at once, of this machine and not of a GPU; null where that is not known.</summary>
    public long? PeakBytes { get; set; }
}
