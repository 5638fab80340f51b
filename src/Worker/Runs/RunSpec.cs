using ContinualService.Domain.Tasks;

namespace ContinualService.Worker.Runs;

/// <summary>All that a training process needs to know for one run; written as spec.json.</summary>
internal sealed record RunSpec
{
    public required string TaskId { get; init; }

    public required int Attempt { get; init; }

    public required string ModelName { get; init; }

    public required string ModelFolder { get; init; }

    /// <summary>The run fails when the folder holds another model by now.</summary>
    public required string BaseDigest { get; init; }

    public required string Device { get; init; }

    public required int Threads { get; init; }

    /// <summary>What the base computes in: float32 or bfloat16.</summary>
    public string Precision { get; init; } = "float32";

    public required string Method { get; init; }

    /// <summary>A JSON object of the method's options.</summary>
    public string MethodOptions { get; init; } = "{}";

    public required int Rank { get; init; }

    public required double Alpha { get; init; }

    public required IReadOnlyList<string> TargetModules { get; init; }

    /// <summary>Null for the first task of a lineage.</summary>
    public required StoredFile? PreviousState { get; init; }

    public required StoredFile Train { get; init; }

    public required Hyperparameters Hyperparameters { get; init; }

    /// <summary>Where an earlier attempt stood; null: from the first step. One that cannot be used costs its steps, not the run.</summary>
    public StoredFile? Checkpoint { get; init; }

    /// <summary>MiB that training may plan with; 0: by what the machine or the device has.</summary>
    public int MemoryMegabytes { get; init; }

    /// <summary>How the frozen base is held to train on, as <see cref="Engine.Models.BaseHolding.Write"/> has it; it is scored in full.</summary>
    public string Base { get; init; } = "full";

    /// <summary>How the steps are cut at most, as <see cref="MicroBatching.Write"/> has it: as they were where a version is made again, or as an earlier attempt that ran out of memory says; null: by the plan.</summary>
    public string? MicroBatches { get; init; }

    /// <summary>Tokens that scoring takes at a time at most, as an earlier attempt that ran out of memory says; null: by the plan.</summary>
    public int? ScoredTokens { get; init; }

    /// <summary>Seconds of training between two checkpoints, and one more at its end; 0: none, except where the process is asked to stop while it trains.</summary>
    public int CheckpointSeconds { get; init; }

    /// <summary>Held-out rows of every task of the lineage that has some, in the order they were learned; this task's own come last.</summary>
    public required IReadOnlyList<EvaluationSpec> Evaluations { get; init; }

    /// <summary>Text of the <see cref="Domain.Previews.MergeSchedule"/> with which the task is merged where it is not the method's own; null: that.</summary>
    public string? Merge { get; init; }

    /// <summary>False where the bare base's score of this task's rows is in the matrix already.</summary>
    public bool ScoresBase { get; init; } = true;

    /// <summary>Null: the run learns its task.</summary>
    public PreviewSpec? Preview { get; init; }

    /// <summary>Null: whatever the run makes is published.</summary>
    public GateSpec? Gate { get; init; }

    /// <summary>Null: the run is no forecast.</summary>
    public ForecastSpec? Forecast { get; init; }

    /// <summary>How the new version is compared with the one before; null: it is not.</summary>
    public DriftSpec? Drift { get; init; }

    /// <summary>Null: the run learns one task, its own.</summary>
    public ReplaySpec? Replay { get; init; }

    /// <summary>Where the process writes its files.</summary>
    public required string OutputFolder { get; init; }
}
