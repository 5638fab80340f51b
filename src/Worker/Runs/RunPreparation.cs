using System.Text.Json;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Datasets;
using ContinualService.Domain.Drift;
using ContinualService.Domain.Evaluation;
using ContinualService.Domain.Gates;
using ContinualService.Domain.Previews;
using ContinualService.Domain.Replays;
using ContinualService.Domain.Tasks;
using ContinualService.Domain.Unlearnings;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Storage;
using ContinualService.Worker.Child;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ContinualService.Worker.Runs;

/// <summary>Gathers what a training process needs into the run's folder.</summary>
internal sealed class RunPreparation(
    IDbContextFactory<ServiceDbContext> contexts, IObjectStore objects, DataFolder data, ModelCatalog models, IOptions<ModelsOptions> computing, IOptions<TrainingSettings> settings,
    IOptions<DriftOptions> drift,
    ILogger<RunPreparation> logger)
{
    /// <summary>Makes the folder and writes spec.json.</summary>
    /// <exception cref="ObjectDamagedException">A data set or state is missing from the store.</exception>
    /// <exception cref="ModelFormatException">The adapter's base model is no longer on offer.</exception>
    public async Task<RunPlan> PrepareAsync(LearningTask task, CancellationToken cancellationToken)
    {
        var folder = Path.Combine(data.Runs, FormattableString.Invariant($"{task.Id}-{task.Attempt}"));
        // A run that was put back had the same name.
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(folder);

        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        var adapter = await database.Adapters.AsNoTracking().SingleAsync(row => row.Id == task.AdapterId, cancellationToken);
        var preview = task.Kind == LearningTaskKind.MergePreview ? await database.MergePreviews.AsNoTracking().SingleAsync(row => row.TaskId == task.Id, cancellationToken) : null;
        var replay = task.Kind == LearningTaskKind.Replay ? await database.Replays.AsNoTracking().SingleAsync(row => row.TaskId == task.Id, cancellationToken) : null;
        var unlearning = task.Kind == LearningTaskKind.Unlearning ? await database.Unlearnings.AsNoTracking().SingleAsync(row => row.TaskId == task.Id, cancellationToken) : null;
        if (unlearning is not null && unlearning.VersionNumber != adapter.HeadVersion)
        {
            throw new RunFailureException(
                TaskFailureCode.HeadMoved, $"The task was to be taken out of version {unlearning.VersionNumber}, and the head is version {adapter.HeadVersion} by now. Nothing was published; POST /adapters/{adapter.Id}/unlearn asks again.", userError: true);
        }

        var ancestors = await Lineage.ToAsync(database, adapter.Id, preview?.VersionNumber ?? replay?.VersionNumber ?? adapter.HeadVersion, cancellationToken);
        var checkpoint = await database.Checkpoints.AsNoTracking().SingleOrDefaultAsync(row => row.TaskId == task.Id, cancellationToken);
        var plan = new RunPlan(task, adapter, ancestors, checkpoint, folder, preview)
        {
            DriftDefaults = drift.Value.Limits,
            Replay = replay,
            Unlearning = unlearning,
            Rebuilt = unlearning is null ? null : UnlearningPath.Of(ancestors, unlearning.RemovedTaskId, unlearning.Mode),
        };
        var model = models.Find(adapter.Model) ?? throw new ModelFormatException($"The base model '{adapter.Model}' is no longer in {models.Root}. Put its folder back there, then send the task again.");

        var taskIds = plan.Learned.Select(version => version.TaskId!).ToList();
        var learned = await database.Tasks.AsNoTracking().Where(row => taskIds.Contains(row.Id)).ToDictionaryAsync(row => row.Id, cancellationToken);
        var gate = plan.Learns || preview is not null ? GatePolicy.Read(adapter.GateJson) : null;
        // A preview's last version is what it varies.
        List<AdapterVersion> earlier = [.. preview is null ? plan.Learned : plan.Learned.SkipLast(1)];
        var references = gate is null ? [] : await ReferencesAsync(database, adapter.Id, earlier, folder, cancellationToken);
        var evaluations = new List<EvaluationSpec>();
        // A replay and a forecast score no task of the lineage.
        IEnumerable<LearningTask> scored = task.Kind is LearningTaskKind.Replay or LearningTaskKind.Forecast ? [] : taskIds.Select(id => learned[id]);
        foreach (var each in plan.Learns ? scored.Append(task) : scored)
            if (await EvaluationAsync(database, each, folder, cancellationToken) is { } evaluation)
                evaluations.Add(evaluation with { Reference = references.GetValueOrDefault(each.Id) });
        Dictionary<string, TaskRows> rows = plan.Publishes ? await TaskRows.OfAsync(database, [.. taskIds, task.Id], cancellationToken) : [];
        if (plan.Learns) evaluations = Bounded(evaluations, task, rows, gate);
        else if (preview is not null) evaluations = await AsScoredAsync(database, evaluations, adapter.Id, preview.VersionNumber, gate, cancellationToken);
        var (start, again) = replay is not null ? await ReplayAsync(database, plan, replay, learned, cancellationToken)
            : unlearning is not null ? await UnlearningAsync(database, plan, unlearning, learned, evaluations, rows, cancellationToken)
            : (preview is null ? plan.Parent : ancestors[^2], null);

        var shorts = await ShortsOfMemoryAsync(database, task, cancellationToken);
        RunJson.Write(plan.SpecPath, new RunSpec
        {
            TaskId = task.Id,
            Attempt = task.Attempt,
            ModelName = adapter.Model,
            ModelFolder = model.Folder,
            BaseDigest = adapter.BaseDigest,
            Device = settings.Value.Device,
            Threads = settings.Value.ThreadCount(),
            Precision = computing.Value.Precision,
            Method = adapter.Method,
            MethodOptions = adapter.MethodOptionsJson,
            Rank = adapter.Rank,
            Alpha = adapter.Alpha,
            TargetModules = JsonSerializer.Deserialize<string[]>(adapter.TargetModulesJson) ?? [],
            PreviousState = start is null ? null : await FileAsync(start.StateSha256, folder, cancellationToken),
            Train = await DatasetAsync(database, task, task.TrainDatasetId, folder, cancellationToken),
            Hyperparameters = HyperparametersOf(task),
            Evaluations = evaluations,
            Checkpoint = checkpoint is null ? null : await CheckpointAsync(checkpoint, folder, cancellationToken),
            MemoryMegabytes = settings.Value.MemoryMegabytes,
            Base = settings.Value.Holding().Write(),
            // What is learned once more is cut as it was.
            MicroBatches = task.Kind == LearningTaskKind.Training && shorts.Select(each => each.Way).LastOrDefault(way => way is not null) is { } way ? MicroBatching.Write([way]) : null,
            ScoredTokens = shorts.Select(each => each.ScoredTokens).LastOrDefault(tokens => tokens is not null),
            // Of a run of several parts steps do not tell which is further, and a newer checkpoint is what ends a circle of deaths.
            CheckpointSeconds = task.Kind == LearningTaskKind.Training ? settings.Value.CheckpointSeconds : 0,
            ScoresBase = unlearning is null,
            Preview = preview is null ? null : await PreviewAsync(preview, plan.Parent!, folder, cancellationToken),
            Gate = gate is null ? null : new GateSpec(gate, [.. earlier.Select(version => version.TaskId!)], start?.Number ?? 0),
            Forecast = task.Kind == LearningTaskKind.Forecast ? await ForecastAsync(database, plan, folder, cancellationToken) : null,
            Drift = plan.Learns ? new DriftSpec(DriftPolicy.Read(adapter.DriftJson).CanaryPrompts ?? drift.Value.CanaryPrompts, drift.Value.StopRows) : null,
            Replay = again,
            OutputFolder = folder,
        });
        return plan;
    }

    // What an earlier attempt has measured stands.
    private async Task<PreviewSpec> PreviewAsync(MergePreview preview, AdapterVersion version, string folder, CancellationToken cancellationToken)
    {
        var measured = PreviewPoint.Read(preview.PointsJson).Select(point => point.Merge()).ToHashSet();
        var merges = MergeSchedule.ReadAll(preview.LambdasJson).Where(merge => !measured.Contains(merge)).Select(merge => merge.Text);
        return new PreviewSpec(version.TaskId!, await FileAsync(version.StateSha256, folder, cancellationToken), version.Merge().Text, [.. merges], measured.Count);
    }

    // The task's own rows are a part of what it was sent with, and scored whole. A method may train rows of its own beside them, which only makes the share smaller.
    private List<EvaluationSpec> Bounded(List<EvaluationSpec> evaluations, LearningTask task, Dictionary<string, TaskRows> rows, GatePolicy? gate)
    {
        var earlier = evaluations.FindAll(each => each.TaskId != task.Id).ConvertAll(each => (rows[each.TaskId].HeldOut, each.Reference is null ? 1 : 2));
        var most = ScoringBudget.RowsEach(settings.Value.ScoringShare, HyperparametersOf(task).RowPasses(rows[task.Id].Training), gate?.LeastRows ?? 0, earlier);
        return evaluations.ConvertAll(each => each.TaskId == task.Id ? each : each with { MostRows = most });
    }

    // A preview trains nothing. What it measures stands beside what its version scored, so it takes the same rows.
    private static async Task<List<EvaluationSpec>> AsScoredAsync(
        ServiceDbContext database, List<EvaluationSpec> evaluations, string adapterId, int version, GatePolicy? gate, CancellationToken cancellationToken)
    {
        var counts = await database.MatrixCells.AsNoTracking().Where(row => row.AdapterId == adapterId && row.VersionNumber == version).ToDictionaryAsync(row => row.TaskId, row => row.Count, cancellationToken);
        return evaluations.ConvertAll(each => each with { MostRows = counts.TryGetValue(each.TaskId, out var count) ? Math.Max(count, gate?.LeastRows ?? 0) : null });
    }

    // As forgetting is defined: the best score since the first task of the lineage; of equals the newest, which is the nearest.
    private async Task<Dictionary<string, ReferenceSpec>> ReferencesAsync(
        ServiceDbContext database, string adapterId, IReadOnlyList<AdapterVersion> earlier, string folder, CancellationToken cancellationToken)
    {
        var byNumber = earlier.ToDictionary(version => version.Number);
        var taskIds = earlier.Select(version => version.TaskId!).ToList();
        var cells = await database.MatrixCells.AsNoTracking().Where(row => row.AdapterId == adapterId && taskIds.Contains(row.TaskId)).ToListAsync(cancellationToken);
        var references = new Dictionary<string, ReferenceSpec>();
        foreach (var task in cells.Where(cell => byNumber.ContainsKey(cell.VersionNumber)).GroupBy(cell => cell.TaskId))
        {
            var best = byNumber[task.OrderByDescending(cell => cell.At(1, 1).Score).ThenByDescending(cell => cell.VersionNumber).First().VersionNumber];
            references[task.Key] = new ReferenceSpec(best.Number, best.TaskIndex, await FileAsync(best.Sha256, folder, cancellationToken));
        }

        return references;
    }

    private async Task<ForecastSpec> ForecastAsync(ServiceDbContext database, RunPlan plan, string folder, CancellationToken cancellationToken)
    {
        var forecast = await database.Forecasts.AsNoTracking().SingleAsync(row => row.TaskId == plan.Task.Id, cancellationToken);
        var waiting = JsonSerializer.Deserialize<string[]>(forecast.WaitingJson) ?? [];
        var measured = waiting.Length == 0 ? [plan.Task] : await database.Tasks.AsNoTracking().Where(row => waiting.Contains(row.Id)).OrderBy(row => row.Id).ToListAsync(cancellationToken);
        List<ForecastTaskSpec> tasks = [];
        foreach (var each in measured)
        {
            var settings = JsonSerializer.Deserialize<Hyperparameters>(each.HyperparametersJson, RunJson.Options);
            tasks.Add(new ForecastTaskSpec(
                each.Id, each.Name, await DatasetAsync(database, each, each.TrainDatasetId, folder, cancellationToken), await EvaluationAsync(database, each, folder, cancellationToken), settings?.MaxSequenceLength));
        }

        return new ForecastSpec(plan.Parent?.Number ?? 0, tasks);
    }

    // Their events outlive the run, whichever way that ended. Oldest first.
    private static async Task<List<OutOfMemoryEvent>> ShortsOfMemoryAsync(ServiceDbContext database, LearningTask task, CancellationToken cancellationToken)
    {
        var events = await database.TaskEvents.AsNoTracking().Where(row => row.TaskId == task.Id && row.Type == TaskEventTypes.OutOfMemory)
            .OrderBy(row => row.Number).Select(row => row.DataJson).ToListAsync(cancellationToken);
        return events.ConvertAll(OutOfMemoryEvent.Read);
    }

    // As it was made the first time.
    private static (string? MicroBatches, string? Precision) WayOf(AdapterVersion version) => TrainingEnvironment.Read(version.EnvironmentJson) is { } made ? (made.MicroBatches, made.Precision) : (null, null);

    // In the numbers it was trained on. Where it lies is this service's choice, unless it did not fit then either.
    private string BaseOf(AdapterVersion version)
    {
        var then = TrainingEnvironment.Read(version.EnvironmentJson)?.Base is { } text ? BaseHolding.Read(text) : BaseHolding.Resident;
        return (then with { Offload = then.Offload || settings.Value.Offload }).Write();
    }

    private static Hyperparameters HyperparametersOf(LearningTask task) => JsonSerializer.Deserialize<Hyperparameters>(task.HyperparametersJson, RunJson.Options) ?? new Hyperparameters();

    // What came out the same in an earlier attempt is stored, and need not be made again.
    private async Task<(AdapterVersion? Start, ReplaySpec Spec)> ReplayAsync(
        ServiceDbContext database, RunPlan plan, Replay replay, Dictionary<string, LearningTask> learned, CancellationToken cancellationToken)
    {
        // An imported version was not learned here: it is taken as it is.
        var trained = plan.Learned.ToList();
        var done = ReplayedVersion.IdenticalAtStart(ReplayedVersion.Read(replay.VersionsJson));
        List<ReplayPart> parts = [];
        foreach (var version in trained.Skip(done))
        {
            var (task, way) = (learned[version.TaskId!], WayOf(version));
            parts.Add(new ReplayPart(
                version.Number, task.Id, await DatasetAsync(database, task, task.TrainDatasetId, plan.Folder, cancellationToken), HyperparametersOf(task), [],
                version.Merge().Text, await FileAsync(version.StateSha256, plan.Folder, cancellationToken), way.MicroBatches, way.Precision, Base: BaseOf(version)));
        }

        return (done > 0 ? trained[done - 1] : plan.Ancestors[0] is { TaskId: null } imported ? imported : null, new ReplaySpec(parts, replay.Tolerance));
    }

    private async Task<(AdapterVersion? Start, ReplaySpec Spec)> UnlearningAsync(
        ServiceDbContext database, RunPlan plan, Unlearning unlearning, Dictionary<string, LearningTask> learned, List<EvaluationSpec> evaluations, Dictionary<string, TaskRows> rows, CancellationToken cancellationToken)
    {
        var (path, method) = (plan.Rebuilt!, ContinualMethods.ByName(plan.Adapter.Method, plan.Adapter.MethodOptionsJson));
        var removed = plan.Ancestors.Single(version => version.TaskId == unlearning.RemovedTaskId);
        var known = path.Kept.Select(version => version.TaskId).ToHashSet();
        List<ReplayPart> parts = [];
        foreach (var version in path.Again)
        {
            var (task, way) = (learned[version.TaskId!], WayOf(version));
            known.Add(task.Id);
            var approximate = unlearning.Mode == UnlearnMode.Approximate;
            // A weight that somebody chose stays chosen; the method's own is that of the task's new place. The first task has none.
            var chosen = path.Kept.Count + parts.Count > 0 && version.Merge() != MergeSchedule.Of(method.Lambda(version.TaskIndex)) ? version.Merge().Text : null;
            parts.Add(new ReplayPart(
                version.Number, task.Id, await DatasetAsync(database, task, task.TrainDatasetId, plan.Folder, cancellationToken), HyperparametersOf(task),
                Bounded(evaluations.FindAll(evaluation => known.Contains(evaluation.TaskId)), task, rows, gate: null), chosen,
                approximate ? await FileAsync(version.StateSha256, plan.Folder, cancellationToken) : null, way.MicroBatches, way.Precision, approximate ? removed.TaskIndex : null, BaseOf(version)));
        }

        return (path.Kept.Count == 0 ? null : path.Kept[^1], new ReplaySpec(parts, null));
    }

    // A lost checkpoint costs time and nothing else.
    private async Task<StoredFile?> CheckpointAsync(TaskCheckpoint checkpoint, string folder, CancellationToken cancellationToken)
    {
        try
        {
            return await FileAsync(checkpoint.Sha256, folder, cancellationToken);
        }
        catch (ObjectDamagedException damaged)
        {
            logger.CheckpointUnusable(checkpoint.TaskId, damaged.Message);
            return null;
        }
    }

    private async Task<EvaluationSpec?> EvaluationAsync(ServiceDbContext database, LearningTask task, string folder, CancellationToken cancellationToken)
    {
        if (task.EvaluationDatasetId is null) return null;
        var labels = task.LabelsJson is null ? [] : JsonSerializer.Deserialize<string[]>(task.LabelsJson) ?? [];
        var labelsFromRows = task.Metric == "label_likelihood" && labels.Length == 0;
        return new EvaluationSpec(
            task.Id,
            await DatasetAsync(database, task, task.EvaluationDatasetId, folder, cancellationToken),
            task.Metric,
            labels,
            labelsFromRows ? await DatasetAsync(database, task, task.TrainDatasetId, folder, cancellationToken) : null);
    }

    private async Task<StoredFile> DatasetAsync(ServiceDbContext database, LearningTask task, string datasetId, string folder, CancellationToken cancellationToken)
    {
        Dataset dataset = await database.Datasets.AsNoTracking().SingleAsync(row => row.Id == datasetId, cancellationToken);
        try
        {
            return await FileAsync(dataset.Sha256, folder, cancellationToken);
        }
        catch (ObjectDamagedException missing)
        {
            // An owner knows tasks and data sets, not digests.
            throw new ObjectDamagedException($"The rows of data set {dataset.Id}, which task {task.Id} ({task.Name}) learned, cannot be read. {missing.Message}", missing);
        }
    }

    // A store without local files is read into the run's folder.
    private async Task<StoredFile> FileAsync(string sha256, string folder, CancellationToken cancellationToken)
    {
        if (objects.LocalPath(sha256) is { } local) return new StoredFile(local, sha256);
        var path = Path.Combine(folder, sha256);
        await using var source = await objects.OpenReadAsync(sha256, cancellationToken);
        await using var copy = File.Create(path);
        await source.CopyToAsync(copy, cancellationToken);
        return new StoredFile(path, sha256);
    }
}
