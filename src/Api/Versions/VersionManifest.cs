using System.Text.Json.Nodes;
using ContinualService.Api.Adapters;
using ContinualService.Api.Errors;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Replays;
using ContinualService.Infrastructure.Database;
using ContinualService.Worker.Runs;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Versions;

/// <summary>Puts a version's manifest together from the rows that never change: a replay needs no more than these and the objects that they name.</summary>
internal sealed class VersionManifest(ServiceDbContext database)
{
    public async Task<Outcome<ManifestResponse>> ReadAsync(string tenantId, string idOrName, int number, CancellationToken cancellationToken)
    {
        if ((await database.FindAdapterAsync(tenantId, idOrName, cancellationToken)).Failed(out var unknown, out var adapter)) return unknown;
        if ((await database.FindVersionAsync(tenantId, adapter.Id, number, cancellationToken)).Failed(out var problem, out _)) return problem;
        var lineage = await Lineage.ToAsync(database, adapter.Id, number, cancellationToken);
        var taskIds = lineage.Select(version => version.TaskId).ToList();
        var tasks = await database.Tasks.AsNoTracking().Where(row => taskIds.Contains(row.Id)).ToDictionaryAsync(row => row.Id, cancellationToken);
        var datasetIds = tasks.Values.SelectMany(task => new[] { task.TrainDatasetId, task.EvaluationDatasetId }).ToList();
        var digests = await database.Datasets.AsNoTracking().Where(row => datasetIds.Contains(row.Id)).ToDictionaryAsync(row => row.Id, row => row.Sha256, cancellationToken);
        return new ManifestResponse(
            number, adapter.Model, adapter.BaseDigest, adapter.TemplateSha256, adapter.Method, JsonNode.Parse(adapter.MethodOptionsJson), adapter.Rank, adapter.Alpha, JsonNode.Parse(adapter.TargetModulesJson),
            [.. lineage.Select(Step)]);

        ManifestStep Step(AdapterVersion version)
        {
            var task = version.TaskId is { } id ? tasks[id] : null;
            return new ManifestStep(
                version.Number, task?.Id, task?.Name, task?.TrainDatasetId, task is null ? null : digests[task.TrainDatasetId], task?.EvaluationDatasetId is { } heldOut ? digests[heldOut] : null,
                task is null ? null : JsonNode.Parse(task.HyperparametersJson), version.TaskIndex, version.Lambda, version.Schedule, version.MergePreviewId, version.Unlearned is { } mode ? WireName.Of(mode) : null,
                version.Sha256, version.StateSha256, TrainingEnvironment.Read(version.EnvironmentJson));
        }
    }
}
