using ContinualService.Domain.Previews;
using ContinualService.Domain.Unlearnings;

namespace ContinualService.Domain.Adapters;

/// <summary>What an adapter was after one task, or as it was imported; immutable, and part of a tree through <see cref="Parent"/>.</summary>
public sealed class AdapterVersion
{
    public const string PublishedStatus = "published";

    /// <summary>The gate kept it from becoming head and live.</summary>
    public const string RefusedStatus = "refused";

    public required string Id { get; init; }

    public required string AdapterId { get; init; }

    /// <summary>1, 2, ... per adapter, in order of publication.</summary>
    public int Number { get; init; }

    /// <summary>SHA-256 of adapter_model.safetensors: also its key in the object store.</summary>
    public required string Sha256 { get; init; }

    /// <summary>SHA-256 of the training state that the next task starts from: also its key.</summary>
    public required string StateSha256 { get; init; }

    /// <summary>The version this one was trained from; null for the first.</summary>
    public int? Parent { get; init; }

    /// <summary>The task that made it; null: it was imported, and no score of it counts in the adapter's matrix.</summary>
    public string? TaskId { get; init; }

    /// <summary>The preview that it was adopted from; null: from none.</summary>
    public string? MergePreviewId { get; init; }

    /// <summary>The unlearning in which its task was learned again or recomputed; null: it was in none.</summary>
    public string? UnlearningId { get; init; }

    /// <summary>How the task that is no longer there was unlearned; null where none was.</summary>
    public UnlearnMode? Unlearned { get; init; }

    /// <summary>A <see cref="Replays.TrainingEnvironment"/> as JSON; null: imported, or older than this was written down.</summary>
    public string? EnvironmentJson { get; init; }

    /// <summary>The method's i: 1 for the first task of the lineage.</summary>
    public int TaskIndex { get; init; }

    /// <summary>The merge weight lambda(i) that the new task got, 0 to 1; of a schedule the mean over the layers.</summary>
    public double Lambda { get; init; }

    /// <summary>Text of the <see cref="MergeSchedule"/> by which it was merged; null: all layers have the one lambda.</summary>
    public string? Schedule { get; init; }

    /// <summary><see cref="PublishedStatus"/> or <see cref="RefusedStatus"/>.</summary>
    public string Status { get; set; } = PublishedStatus;

    /// <summary>What the adapter's gate found, a <see cref="Gates.GateVerdict"/> as JSON; null: the adapter had none.</summary>
    public string? GateJson { get; init; }

    /// <summary>Why it was made head and live against the gate; null: it was not.</summary>
    public string? OverrideReason { get; set; }

    /// <summary>Id of the API key that did it.</summary>
    public string? OverriddenBy { get; set; }

    public DateTimeOffset? OverriddenAt { get; set; }

    public bool Refused => Status == RefusedStatus;

    public long SizeBytes { get; init; }

    public long StateBytes { get; init; }

    /// <summary>Null where not every task of the lineage has a score.</summary>
    public double? AverageAccuracy { get; set; }

    /// <summary>Null for the first task of a lineage.</summary>
    public double? BackwardTransfer { get; set; }

    /// <summary>Null for the first task of a lineage.</summary>
    public double? Forgetting { get; set; }

    /// <summary>A <see cref="Drift.DriftReport"/> as JSON: how far it went from its parent; null: there is no parent, or it was not looked at.</summary>
    public string? DriftJson { get; set; }

    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>How its last task was merged.</summary>
    public MergeSchedule Merge() => MergeSchedule.Named(Lambda, Schedule);
}
