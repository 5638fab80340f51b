using System.ComponentModel.DataAnnotations;

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

    /// <summary>Runs of a task that may end by the death of the training process, or of the service, before the task fails.</summary>
    [Range(1, 100)]
    public int MaxAttempts { get; set; } = 3;

    /// <summary>Seconds without any sign of life from the training process after which it is killed, and the run counts as a failed attempt; 0: never.</summary>
    [Range(0, 86_400)]
    public int KillAfterSilentSeconds { get; set; } = 3600;

    /// <summary>Seconds a lease on an adapter lasts unless renewed; it is renewed three times as often.</summary>
    [Range(3, 3600)]
    public int LeaseSeconds { get; set; } = 60;
}
