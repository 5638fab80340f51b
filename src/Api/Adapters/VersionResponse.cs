using System.Text.Json.Nodes;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;

namespace ContinualService.Api.Adapters;

/// <summary>A version of an adapter as clients see it; its weights never change.</summary>
public sealed class VersionResponse
{
    public required int Number { get; init; }

    /// <summary>SHA-256 of adapter_model.safetensors.</summary>
    public required string Sha256 { get; init; }

    /// <summary>The version it was trained from; null for the first.</summary>
    public required int? Parent { get; init; }

    /// <summary>The task that made it; null: imported.</summary>
    public required string? TaskId { get; init; }

    /// <summary>The merge preview that it was adopted from; null: from none.</summary>
    public required string? MergePreviewId { get; init; }

    /// <summary>exact or approximate: how a task was unlearned whose place in the lineage this version's task has taken; null: none was.</summary>
    public required string? Unlearned { get; init; }

    /// <summary>The unlearning in which its task was learned again, or recomputed; null: it was in none.</summary>
    public required string? UnlearningId { get; init; }

    /// <summary>The method's i: 1 for the first task.</summary>
    public required int TaskIndex { get; init; }

    /// <summary>The weight that the task got in the merge; of a schedule the mean over the layers.</summary>
    public required double Lambda { get; init; }

    /// <summary>Name of the schedule of weights by layer, as the preview's point had it; null: all layers have the one lambda.</summary>
    public required string? Schedule { get; init; }

    /// <summary>published, or refused: the adapter's gate keeps it from becoming head and live.</summary>
    public required string Status { get; init; }

    /// <summary>What the gate found: verdict, accepted, criteria with their intervals, broken rows, lambdas tried and the policy (these three not in lists); null: the adapter had none.</summary>
    public required JsonObject? Gate { get; init; }

    /// <summary>Who made it head and live against the gate; null: nobody.</summary>
    public required VersionOverride? Override { get; init; }
    public required long SizeBytes { get; init; }
    public required long StateBytes { get; init; }
    public required VersionMetrics Metrics { get; init; }

    /// <summary>How far it went from its parent, and the alarms that this raised; null without a parent, and for versions of before this was looked at.</summary>
    public required VersionDrift? Drift { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }

    internal static VersionResponse Of(AdapterVersion version) => Of(version, inList: false);

    internal static VersionResponse Of(AdapterVersion version, bool inList) => new()
    {
        Number = version.Number,
        Sha256 = version.Sha256,
        Parent = version.Parent,
        TaskId = version.TaskId,
        MergePreviewId = version.MergePreviewId,
        Unlearned = version.Unlearned is { } mode ? WireName.Of(mode) : null,
        UnlearningId = version.UnlearningId,
        TaskIndex = version.TaskIndex,
        Lambda = version.Lambda,
        Schedule = version.Schedule,
        Status = version.Status,
        Gate = inList ? GateView.Brief(version.GateJson) : GateView.Whole(version.GateJson),
        Override = VersionOverride.Of(version),
        SizeBytes = version.SizeBytes,
        StateBytes = version.StateBytes,
        Metrics = new VersionMetrics(version.AverageAccuracy, version.BackwardTransfer, version.Forgetting),
        Drift = VersionDrift.Of(version.DriftJson),
        CreatedAt = version.CreatedAt,
    };
}
