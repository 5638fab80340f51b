using System.ComponentModel.DataAnnotations;
using ContinualService.Domain;
using ContinualService.Engine.Models;

namespace ContinualService.Worker;

/// <summary>Section <c>Training</c>: how tasks are run.</summary>
public sealed class TrainingSettings
{
    public const string Section = "Training";

    /// <summary>The device tasks are trained on: cpu, cuda, or cuda:N.</summary>
    [Required, RegularExpression("cpu|cuda(:[0-9]+)?")]
    public string Device { get; set; } = "cpu";

    /// <summary>Threads of the training process; 0: one per processor. Another count gives another adapter in the last bits.</summary>
    [Range(0, 1024)]
    public int Threads { get; set; }

    // No property, as below.
    public int ThreadCount() => Threads > 0 ? Threads : Environment.ProcessorCount;

    /// <summary>MiB that a training process may plan with; 0: three quarters of the memory of the machine or its container, on a GPU nine tenths of what is free there.</summary>
    [Range(0, 1 << 30)]
    public int MemoryMegabytes { get; set; }

    /// <summary>In what numbers the frozen base is kept while a task is trained on it: full, bfloat16 (and computed in it), int8 or int4. It is scored and served in full.</summary>
    [AllowedValues("full", "bfloat16", "int8", "int4", ErrorMessage = "Training:Base must be full, bfloat16, int8 or int4.")]
    public string Base { get; set; } = "full";

    /// <summary>Whether the frozen base lies in the host's memory, and each of its blocks is copied to the device when it is run.</summary>
    public bool Offload { get; set; }

    // No property: whatever binds settings would read it before they are checked.
    public BaseHolding Holding() => new(WireName.Parse<BaseFormat>(Base)!.Value, Offload);

    /// <summary>What scoring the held-out rows of earlier tasks may cost, as a share of the task's training by the arithmetic, see <see cref="Domain.Evaluation.ScoringBudget"/>; 0: no limit, all rows.</summary>
    [Range(0.0, 1000.0)]
    public double ScoringShare { get; set; } = 1;

    /// <summary>Runs of a task that may end one after the other by the death of the training process, or of the service, with no newer checkpoint between them, before the task fails.</summary>
    [Range(1, 100)]
    public int MaxAttempts { get; set; } = 3;

    /// <summary>Seconds without any sign of life from the training process after which it is killed, and the run counts as a failed attempt; 0: never.</summary>
    [Range(0, 86_400)]
    public int KillAfterSilentSeconds { get; set; } = 3600;

    /// <summary>Seconds a lease on an adapter lasts unless renewed; it is renewed three times as often.</summary>
    [Range(3, 3600)]
    public int LeaseSeconds { get; set; } = 60;

    /// <summary>Seconds between two checkpoints of a run; 0: none but those of a stop or pause.</summary>
    [Range(0, 86_400)]
    public int CheckpointSeconds { get; set; } = 30;

    /// <summary>Seconds a training process gets to write its last checkpoint when the service stops or the task is paused; then it is killed.</summary>
    [Range(1, 3600)]
    public int StopSeconds { get; set; } = 30;

    /// <summary>Seconds between two looks for tasks that a dead worker left, or that wait without a message.</summary>
    [Range(1, 3600)]
    public int SweepSeconds { get; set; } = 15;

    /// <summary>Seconds a run waits for a database or object store that does not answer before it gives up.</summary>
    [Range(0, 86_400)]
    public int OutageSeconds { get; set; } = 300;
}
