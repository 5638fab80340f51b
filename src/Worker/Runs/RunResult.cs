using ContinualService.Domain.Drift;
using ContinualService.Domain.Gates;
using ContinualService.Domain.Replays;
using ContinualService.Engine.Inference;

namespace ContinualService.Worker.Runs;

/// <summary>What a training process leaves in result.json beside its two weight files.</summary>
/// <param name="TaskIndex">i after this task.</param>
/// <param name="Lambda">The merge weight that the task got; of a schedule the mean over the layers.</param>
/// <param name="Scores">All that was measured.</param>
/// <param name="Serving">How closely the server's path agrees with the trainer's.</param>
/// <param name="Environment">What computed it.</param>
/// <param name="Cost">What it took; null where that is not known of all of it.</param>
/// <param name="Drift">How far it went from the version before; null for the first.</param>
/// <param name="Gate">What the adapter's gate says of it; null: it has none.</param>
internal sealed record RunResult(
    int TaskIndex, double Lambda, IReadOnlyList<RunScore> Scores, ServingAgreement Serving, TrainingEnvironment Environment, RunCost? Cost = null, DriftMeasures? Drift = null, GateVerdict? Gate = null)
{
    /// <summary>Name of the schedule by which it was merged; null: the one lambda.</summary>
    public string? Schedule { get; init; }

    public const string FileName = "result.json";

    /// <summary>The training state for the next task.</summary>
    public const string StateFile = "state.safetensors";

    /// <summary>The served weights, in PEFT's naming.</summary>
    public const string AdapterFile = "adapter_model.safetensors";
}
