using ContinualService.Api.Adapters;
using ContinualService.Api.Errors;
using ContinualService.Domain.Adapters;
using ContinualService.Engine.Continual;
using ContinualService.Infrastructure.Database;
using ContinualService.Worker.Runs;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.VersionTree;

/// <summary>Reads the graph of an adapter's versions out of versions, previews, and the history of <c>live</c>.</summary>
internal sealed class LineageReader(ServiceDbContext database)
{
    public async Task<Outcome<LineageResponse>> ReadAsync(string tenantId, string idOrName, CancellationToken cancellationToken)
    {
        if ((await database.FindAdapterAsync(tenantId, idOrName, cancellationToken)).Failed(out var problem, out var adapter)) return problem;
        var versions = await database.Versions.AsNoTracking().Where(row => row.AdapterId == adapter.Id).OrderBy(row => row.Number).ToListAsync(cancellationToken);
        var taskIds = versions.Select(row => row.TaskId).OfType<string>().Distinct().ToList();
        var tasks = await database.Tasks.AsNoTracking().Where(row => taskIds.Contains(row.Id)).ToDictionaryAsync(row => row.Id, cancellationToken);
        var datasetIds = tasks.Values.SelectMany(task => new[] { task.TrainDatasetId, task.EvaluationDatasetId }).OfType<string>().Distinct().ToList();
        var digests = await database.Datasets.Where(row => datasetIds.Contains(row.Id)).ToDictionaryAsync(row => row.Id, row => row.Sha256, cancellationToken);
        var aliases = (await database.Aliases.AsNoTracking().Where(row => row.AdapterId == adapter.Id).OrderBy(row => row.Name).ToListAsync(cancellationToken)).ToLookup(row => row.VersionNumber, row => row.Name);
        var path = Lineage.To(versions, adapter.HeadVersion).Select(version => version.Number).ToHashSet();
        List<LineageEdge> edges = [.. versions.Select(version => new LineageEdge(version.Parent ?? 0, version.Number, LineageEdge.ParentKind, version.CreatedAt, null))];
        edges.AddRange(await AdoptionsAsync(versions, cancellationToken));
        edges.AddRange(await MovesAsync(adapter, versions, cancellationToken));
        return new LineageResponse(
            adapter.Id, adapter.Name, adapter.Model, adapter.BaseDigest, adapter.ContinualMethod().Label(), adapter.HeadVersion, [.. versions.Select(Node)],
            [.. edges.OrderBy(edge => edge.At).ThenBy(edge => edge.To)]);

        LineageNode Node(AdapterVersion version)
        {
            var task = version.TaskId is { } id ? tasks[id] : null;
            var origin = version.MergePreviewId is not null ? LineageNode.Adopted : version.UnlearningId is not null ? LineageNode.Unlearned : task is null ? LineageNode.Imported : LineageNode.Trained;
            return new LineageNode(
                version.Number, version.Sha256, origin, version.Parent, version.TaskId, task?.Name, task is null ? null : digests[task.TrainDatasetId],
                task?.EvaluationDatasetId is { } held ? digests[held] : null, version.TaskIndex, version.Lambda, version.Schedule, version.MergePreviewId, version.Status, [.. aliases[version.Number]],
                version.Number == adapter.HeadVersion, path.Contains(version.Number), version.AverageAccuracy, version.CreatedAt);
        }
    }

    private async Task<IEnumerable<LineageEdge>> AdoptionsAsync(List<AdapterVersion> versions, CancellationToken cancellationToken)
    {
        var ids = versions.Select(version => version.MergePreviewId).OfType<string>().ToList();
        var previews = await database.MergePreviews.Where(row => ids.Contains(row.Id)).ToDictionaryAsync(row => row.Id, row => row.VersionNumber, cancellationToken);
        return versions.Where(version => version.MergePreviewId is not null)
            .Select(version => new LineageEdge(previews[version.MergePreviewId!], version.Number, LineageEdge.AdoptedKind, version.CreatedAt, null));
    }

    /// <summary>Moves of live to a version that was there already. Those of a publication or an adoption are told by the version's own edge.</summary>
    private async Task<IEnumerable<LineageEdge>> MovesAsync(Adapter adapter, List<AdapterVersion> versions, CancellationToken cancellationToken)
    {
        var published = versions.ToDictionary(version => version.Number, version => version.CreatedAt);
        var moves = await database.AliasChanges.AsNoTracking()
            .Where(row => row.AdapterId == adapter.Id && row.Alias == AdapterAlias.Live && row.FromVersion != null).OrderBy(row => row.Id).ToListAsync(cancellationToken);
        var rollbacks = (await database.Audit.Where(row => row.TenantId == adapter.TenantId && row.Action == MoveAlias.RolledBack && row.Subject == adapter.Id)
            .Select(row => new { row.Actor, row.CreatedAt }).ToListAsync(cancellationToken)).Select(row => (row.Actor, row.CreatedAt)).ToHashSet();
        return moves.Where(move => published[move.ToVersion] < move.ChangedAt).Select(move => new LineageEdge(
            move.FromVersion!.Value, move.ToVersion, rollbacks.Contains((move.Actor, move.ChangedAt)) ? LineageEdge.RollbackKind : LineageEdge.LiveKind, move.ChangedAt, move.Actor));
    }
}
