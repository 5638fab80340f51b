using System.Text.Json.Nodes;
using ContinualService.Domain.Replays;

namespace ContinualService.Api.Versions;

/// <summary>One version on the way to another: what it was made of, by what, and what came out.</summary>
/// <param name="Version">Its number.</param>
/// <param name="TaskId">The task that made it; null: it was imported, and its state is where the lineage begins.</param>
/// <param name="TaskName">Its name.</param>
/// <param name="DatasetId">Its rows.</param>
/// <param name="DatasetSha256">Of their canonical bytes, in the order in which they were sent.</param>
/// <param name="EvaluationSha256">Of the held-out rows; null: there are none.</param>
/// <param name="Hyperparameters">As they were sent, with the seed that draws start, order of rows and dropout.</param>
/// <param name="TaskIndex">The method's i.</param>
/// <param name="Lambda">The weight of the task in the merge; of a schedule the mean over the layers.</param>
/// <param name="Schedule">Name of the schedule of weights by layer that was merged by; null: all layers have the one lambda.</param>
/// <param name="MergePreviewId">The preview whose lambda or schedule it has; null: the method's own, or that of the version it was made again from.</param>
/// <param name="Unlearned">exact or approximate: it was made by taking an earlier task out; null: by its task's own run.</param>
/// <param name="Sha256">Of adapter_model.safetensors.</param>
/// <param name="StateSha256">Of the training state.</param>
/// <param name="Environment">What computed it; null: imported, or published before this was written down.</param>
public sealed record ManifestStep(
    int Version, string? TaskId, string? TaskName, string? DatasetId, string? DatasetSha256, string? EvaluationSha256, JsonNode? Hyperparameters, int TaskIndex, double Lambda, string? Schedule,
    string? MergePreviewId, string? Unlearned, string Sha256, string StateSha256, TrainingEnvironment? Environment);
