using System.Collections.Concurrent;
using System.Text.Json;
using ContinualService.Api.Adapters;
using ContinualService.Api.Errors;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Storage;
using ContinualService.Worker.Runs;
using ContinualService.Worker.Upkeep;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace ContinualService.Api.Storage;

/// <summary>Counts what an adapter has stored. Every length is asked of the store, whichever it is: what the rows remember is only compared with it.</summary>
internal sealed class StorageReader(ServiceDbContext database, IObjectStore objects, ModelCatalog catalog, IOptions<RetentionOptions> retention, TimeProvider time)
{
    public const string Weights = "weights";
    public const string State = "state";
    private const int AtOnce = 8;
    private const int Many = 1000;

    private sealed record Named(string Kind, string Sha256, long Recorded);

    public async Task<Outcome<StorageResponse>> ReadAsync(string tenantId, string idOrName, CancellationToken cancellationToken)
    {
        if ((await database.FindAdapterAsync(tenantId, idOrName, cancellationToken)).Failed(out var problem, out var adapter)) return problem;

        // Step 1: what the rows name.
        var versions = await database.Versions.AsNoTracking().Where(row => row.AdapterId == adapter.Id).OrderBy(row => row.Number).ToListAsync(cancellationToken);
        var tasks = await database.Tasks.AsNoTracking().Where(row => row.AdapterId == adapter.Id).OrderBy(row => row.Id).ToListAsync(cancellationToken);
        var ofVersion = versions.ToDictionary(row => row.Number, row => (IReadOnlyList<Named>)[new(Weights, row.Sha256, row.SizeBytes), new(State, row.StateSha256, row.StateBytes)]);
        var ofTask = await TaskObjectsAsync(tasks, cancellationToken);
        List<Named> all = [.. ofVersion.Values.Concat(ofTask.Values).SelectMany(each => each)];

        // Step 2: what the store has of it.
        var sizes = await SizesAsync(all.Select(each => each.Sha256).Distinct(), cancellationToken);
        var namers = await NamersAsync(tenantId, [.. sizes.Keys], cancellationToken);

        // Step 3: version by version, and task by task.
        var method = adapter.ContinualMethod();
        var sites = Sites(adapter);
        var path = Lineage.To(versions, adapter.HeadVersion).Select(version => version.Number).ToHashSet();
        var seen = new HashSet<string>();
        var storedVersions = new List<StoredVersion>();
        foreach (var version in versions)
        {
            var parts = Parts(ofVersion[version.Number]);
            var added = parts.Where(part => seen.Add(part.Sha256)).Sum(part => part.Bytes ?? 0);
            storedVersions.Add(new StoredVersion(
                version.Number, version.TaskId, version.TaskIndex, path.Contains(version.Number), parts, parts.Sum(part => part.Bytes ?? 0), sites is null ? null : FormulaBytes(version.TaskIndex), added,
                (storedVersions.LastOrDefault()?.CumulativeBytes ?? 0) + added));
        }

        var rows = await RowsAsync(adapter, versions, tasks, cancellationToken);
        var storedTasks = new List<StoredTask>();
        foreach (var task in tasks)
        {
            var cumulative = (storedTasks.LastOrDefault()?.CumulativeRows ?? 0) + rows[task.Id].Total;
            storedTasks.Add(new StoredTask(task.Id, task.Name, WireName.Of(task.Kind), WireName.Of(task.Status), Parts(ofTask[task.Id]), rows[task.Id], cumulative));
        }

        // Step 4: what follows.
        var (constant, verdict) = StorageVerdict.Of([.. storedVersions.Where(version => version.TaskId is not null)]);
        var held = sizes.Values.Sum(size => size ?? 0);
        var named = all.Sum(each => sizes[each.Sha256] ?? 0);
        // Bytes of another length than their row remembers are damaged.
        var missing = all.Where(each => sizes[each.Sha256] != each.Recorded).Select(each => each.Sha256).Distinct().ToList();
        return new StorageResponse(
            adapter.Id, method.Label(), constant, verdict, Formula(), storedVersions, storedTasks,
            new StorageTotals(sizes.Count, held, named, named - held, missing, storedTasks.LastOrDefault()?.CumulativeRows ?? 0), Due(tasks, rows));

        IReadOnlyList<StoredPart> Parts(IReadOnlyList<Named> of) => [.. of.Select(each => new StoredPart(each.Kind, each.Sha256, sizes[each.Sha256], namers[each.Sha256]))];

        long FormulaBytes(int taskIndex) => sizeof(float) * method.StateElements(Config(adapter), sites, taskIndex);

        StateFormula? Formula()
        {
            if (sites is null || versions.Find(version => version.Number == adapter.HeadVersion) is not { } head) return null;
            var tensors = sites.SelectMany(site => method.Layout(Config(adapter), site, head.TaskIndex)).GroupBy(tensor => tensor.Name).ToDictionary(group => group.Key, group => group.Sum(tensor => tensor.Elements));
            var bytes = FormulaBytes(head.TaskIndex);
            return new StateFormula(tensors, bytes, sizes[head.StateSha256] - bytes, FormulaBytes(1), FormulaBytes(Many), !method.HasConstantMemory);
        }
    }

    private static LoraConfig Config(Adapter adapter) => new(adapter.Rank, adapter.Alpha, JsonSerializer.Deserialize<string[]>(adapter.TargetModulesJson) ?? []);

    /// <summary>The adapted layers; null where the base is not there, or is one that is not computed.</summary>
    private IReadOnlyList<LinearSite>? Sites(Adapter adapter)
    {
        try
        {
            return catalog.Find(adapter.Model) is { } model ? LoraWeights.Resolve(model.Config, Config(adapter)) : null;
        }
        catch (ModelFormatException)
        {
            // What is stored can be counted all the same.
            return null;
        }
    }

    private async Task<Dictionary<string, IReadOnlyList<Named>>> TaskObjectsAsync(List<LearningTask> tasks, CancellationToken cancellationToken)
    {
        var ids = tasks.ConvertAll(task => task.Id);
        var datasetIds = tasks.SelectMany(task => new[] { task.TrainDatasetId, task.EvaluationDatasetId }).OfType<string>().Distinct().ToList();
        var datasets = await database.Datasets.AsNoTracking().Where(row => datasetIds.Contains(row.Id)).ToDictionaryAsync(row => row.Id, cancellationToken);
        var checkpoints = await database.Checkpoints.AsNoTracking().Where(row => ids.Contains(row.TaskId)).ToDictionaryAsync(row => row.TaskId, cancellationToken);
        return tasks.ToDictionary(task => task.Id, task =>
        {
            List<Named> named = [new("trainingRows", datasets[task.TrainDatasetId].Sha256, datasets[task.TrainDatasetId].SizeBytes)];
            if (task.EvaluationDatasetId is { } held) named.Add(new("heldOutRows", datasets[held].Sha256, datasets[held].SizeBytes));
            if (checkpoints.TryGetValue(task.Id, out var checkpoint)) named.Add(new("checkpoint", checkpoint.Sha256, checkpoint.SizeBytes));
            return (IReadOnlyList<Named>)named;
        });
    }

    private async Task<ConcurrentDictionary<string, long?>> SizesAsync(IEnumerable<string> hashes, CancellationToken cancellationToken)
    {
        var sizes = new ConcurrentDictionary<string, long?>();
        await Parallel.ForEachAsync(
            hashes, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken },
            async (sha256, stop) => sizes[sha256] = (await objects.StatAsync(sha256, stop))?.SizeBytes);
        return sizes;
    }

    /// <summary>How many rows of this tenant name each object. Others' are not counted: nobody learns that somebody else has the same bytes.</summary>
    private async Task<Dictionary<string, int>> NamersAsync(string tenantId, List<string> hashes, CancellationToken cancellationToken)
    {
        var versions = database.Adapters.Where(row => row.TenantId == tenantId).Join(database.Versions, adapter => adapter.Id, version => version.AdapterId, (_, version) => version);
        var namers = await database.Datasets.Where(row => row.TenantId == tenantId).Select(row => row.Sha256)
            .Concat(database.Files.Where(row => row.TenantId == tenantId).Select(row => row.Sha256))
            .Concat(versions.Select(row => row.Sha256))
            .Concat(versions.Select(row => row.StateSha256))
            .Concat(database.Tasks.Where(row => row.TenantId == tenantId).Join(database.Checkpoints, task => task.Id, checkpoint => checkpoint.TaskId, (_, checkpoint) => checkpoint.Sha256))
            .Where(sha256 => hashes.Contains(sha256)).GroupBy(sha256 => sha256).Select(group => new { group.Key, Count = group.Count() }).ToListAsync(cancellationToken);
        return namers.ToDictionary(each => each.Key, each => each.Count);
    }

    private async Task<Dictionary<string, StoredRows>> RowsAsync(Adapter adapter, List<AdapterVersion> versions, List<LearningTask> tasks, CancellationToken cancellationToken)
    {
        var ids = tasks.ConvertAll(task => task.Id);
        var runs = await CountAsync(database.Runs.Where(row => ids.Contains(row.TaskId)).Select(row => row.TaskId));
        var events = await CountAsync(database.TaskEvents.Where(row => ids.Contains(row.TaskId)).Select(row => row.TaskId));
        var steps = await CountAsync(database.StepMetrics.Where(row => ids.Contains(row.TaskId)).Select(row => row.TaskId));
        var previews = await database.MergePreviews.Where(row => row.AdapterId == adapter.Id).ToDictionaryAsync(row => row.Id, row => row.TaskId, cancellationToken);
        var unlearnings = await database.Unlearnings.Where(row => row.AdapterId == adapter.Id).ToDictionaryAsync(row => row.Id, row => row.TaskId, cancellationToken);
        var makers = versions.ToDictionary(version => version.Number, version => version.MergePreviewId is { } preview ? previews[preview] : version.UnlearningId is { } unlearning ? unlearnings[unlearning] : version.TaskId);
        var firstOf = versions.Where(version => version.TaskId is not null).GroupBy(version => version.TaskId!).ToDictionary(group => group.Key, group => group.Min(version => version.Number));
        var cells = (await database.MatrixCells.Where(row => row.AdapterId == adapter.Id).Select(row => new { row.TaskId, row.VersionNumber }).ToListAsync(cancellationToken))
            // A task's rows are scored with versions before it by the task itself, and with later ones by whoever made those.
            .CountBy(cell => cell.VersionNumber < firstOf.GetValueOrDefault(cell.TaskId) ? cell.TaskId : makers.GetValueOrDefault(cell.VersionNumber) ?? cell.TaskId).ToDictionary();
        var made = makers.Values.OfType<string>().CountBy(id => id).ToDictionary();
        return tasks.ToDictionary(task => task.Id, task =>
        {
            int[] counts = [.. new[] { runs, events, steps, cells, made }.Select(table => table.GetValueOrDefault(task.Id))];
            return new StoredRows(counts[0], counts[1], counts[2], counts[3], counts[4], counts.Sum() + 1);
        });

        async Task<Dictionary<string, int>> CountAsync(IQueryable<string> taskIds) =>
            await taskIds.GroupBy(id => id).Select(group => new { group.Key, Count = group.Count() }).ToDictionaryAsync(group => group.Key, group => group.Count, cancellationToken);
    }

    private StorageRetention Due(List<LearningTask> tasks, Dictionary<string, StoredRows> rows)
    {
        var (now, settings) = (time.GetUtcNow(), retention.Value);
        var ended = tasks.FindAll(task => task.FinishedAt is not null);
        var (stepsDue, stepsLater) = Split(settings.StepMetricDays, task => rows[task.Id].Steps);
        var (eventsDue, eventsLater) = Split(settings.EventDays, task => Math.Max(0, rows[task.Id].Events - 1));
        return new StorageRetention(settings.StepMetricDays, stepsDue, settings.EventDays, eventsDue, stepsLater, eventsLater);

        (long Due, long Later) Split(int days, Func<LearningTask, long> count)
        {
            if (days == 0) return (0, 0);
            var due = ended.Where(task => task.FinishedAt < now - TimeSpan.FromDays(days)).Sum(count);
            return (due, ended.Sum(count) - due);
        }
    }
}
