namespace ContinualService.Domain.Tasks;

/// <summary>One data set in an adapter's stream, from submission to a published version or a failure with its reason.</summary>
public sealed class LearningTask
{
    public required string Id { get; init; }

    public LearningTaskKind Kind { get; init; }

    public required string TenantId { get; init; }

    public required string AdapterId { get; init; }

    public required string Name { get; set; }

    public LearningTaskStatus Status { get; set; }

    /// <summary>What a running task is at; null before and after.</summary>
    public LearningTaskPhase? Phase { get; set; }

    public required string TrainDatasetId { get; init; }

    /// <summary>Null: the task has no held-out rows and no scores.</summary>
    public string? EvaluationDatasetId { get; init; }

    /// <summary>Wire name of the metric of the held-out rows: exact_match, label_likelihood, rouge_l, loss.</summary>
    public required string Metric { get; init; }

    /// <summary>JSON array of the answers to choose from; needed by label_likelihood, else null.</summary>
    public string? LabelsJson { get; init; }

    /// <summary>A <see cref="Hyperparameters"/> as JSON.</summary>
    public required string HyperparametersJson { get; init; }

    /// <summary>The client's own JSON object, returned as it came.</summary>
    public string MetadataJson { get; init; } = "{}";

    /// <summary>Set by a client while the task runs; the run ends within seconds.</summary>
    public bool CancelRequested { get; set; }

    /// <summary>Set by a client while the task runs; the run writes a checkpoint and ends within seconds.</summary>
    public bool PauseRequested { get; set; }

    /// <summary>Among the tenant's own tasks the higher goes first, -100 to 100; it gives no advantage over other tenants.</summary>
    public int Priority { get; init; }

    /// <summary>Runs started so far.</summary>
    public int Attempt { get; set; }

    /// <summary>Runs that died one after the other with no newer checkpoint between them; so many as the limit, and the task fails.</summary>
    public int DeadRuns { get; set; }

    /// <summary>The request that made the task (W3C traceparent), so that its run appears in the same trace; null: none.</summary>
    public string? TraceParent { get; init; }

    /// <summary>0 to 100 over all phases of the present run.</summary>
    public double Percent { get; set; }

    public int Step { get; set; }

    public int TotalSteps { get; set; }

    /// <summary>Null until the rate has been measured.</summary>
    public double? SecondsRemaining { get; set; }

    /// <summary>The version this task published; null unless it succeeded.</summary>
    public int? VersionNumber { get; set; }

    public TaskFailureCode? FailureCode { get; set; }

    public string? FailureMessage { get; set; }

    /// <summary>True where the task's owner can mend it by sending something else.</summary>
    public bool? FailureIsUserError { get; set; }

    /// <summary>The base the rows were validated against.</summary>
    public required string BaseDigest { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? StartedAt { get; set; }

    public DateTimeOffset? FinishedAt { get; set; }
}
