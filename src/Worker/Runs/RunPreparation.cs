using System.Text.Json;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Datasets;
using ContinualService.Domain.Drift;
using ContinualService.Domain.Gates;
using ContinualService.Domain.Previews;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ContinualService.Worker.Runs;

/// <summary>Gathers what a training process needs into the run's folder.</summary>
internal sealed class RunPreparation(
    IDbContextFactory<ServiceDbContext> contexts, IObjectStore objects, DataFolder data, ModelCatalog models, IOptions<TrainingSettings> settings, IOptions<DriftOptions> drift,
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
        var ancestors = await Lineage.ToAsync(database, adapter.Id, preview?.VersionNumber ?? adapter.HeadVersion, cancellationToken);
        var checkpoint = await database.Checkpoints.AsNoTracking().SingleOrDefaultAsync(row => row.TaskId == task.Id, cancellationToken);
        var plan = new RunPlan(task, adapter, ancestors, checkpoint, folder, preview) { DriftDefaults = drift.Value.Limits };
        var model = models.Find(adapter.Model) ?? throw new ModelFormatException($"The base model '{adapter.Model}' is no longer in {models.Root}. Put its folder back there, then send the task again.");

        var taskIds = plan.Learned.Select(version => version.TaskId!).ToList();
        var learned = await database.Tasks.AsNoTracking().Where(row => taskIds.Contains(row.Id)).ToDictionaryAsync(row => row.Id, cancellationToken);
        var gate = plan.Learns ? GatePolicy.Read(adapter.GateJson) : null;
        var references = gate is null ? [] : await ReferencesAsync(database, plan, taskIds, folder, cancellationToken);
        var evaluations = new List<EvaluationSpec>();
        // A forecast scores its own tasks alone.
        foreach (var each in task.Kind == LearningTaskKind.Forecast ? [] : plan.Learns ? taskIds.Select(id => learned[id]).Append(task) : taskIds.Select(id => learned[id]))
            if (await EvaluationAsync(database, each, folder, cancellationToken) is { } evaluation)
                evaluations.Add(evaluation with { Reference = references.GetValueOrDefault(each.Id) });

        RunJson.Write(plan.SpecPath, new RunSpec
        {
            TaskId = task.Id,
            Attempt = task.Attempt,
            ModelName = adapter.Model,
            ModelFolder = model.Folder,
            BaseDigest = adapter.BaseDigest,
            Device = settings.Value.Device,
            Threads = Threads(settings.Value),
            Method = adapter.Method,
            MethodOptions = adapter.MethodOptionsJson,
            Rank = adapter.Rank,
            Alpha = adapter.Alpha,
            TargetModules = JsonSerializer.Deserialize<string[]>(adapter.TargetModulesJson) ?? [],
            PreviousState = (preview is null ? plan.Parent : ancestors[^2]) is { } start ? await FileAsync(start.StateSha256, folder, cancellationToken) : null,
            Train = await DatasetAsync(database, task.TrainDatasetId, folder, cancellationToken),
            Hyperparameters = JsonSerializer.Deserialize<Hyperparameters>(task.HyperparametersJson, RunJson.Options) ?? new Hyperparameters(),
            Evaluations = evaluations,
            Checkpoint = checkpoint is null ? null : await CheckpointAsync(checkpoint, folder, cancellationToken),
            CheckpointSeconds = settings.Value.CheckpointSeconds,
            Preview = preview is null ? null : await PreviewAsync(preview, plan.Parent!, folder, cancellationToken),
            Gate = gate is null ? null : new GateSpec(gate, taskIds, plan.Parent?.Number ?? 0),
            Forecast = task.Kind == LearningTaskKind.Forecast ? await ForecastAsync(database, plan, folder, cancellationToken) : null,
            Drift = plan.Learns ? new DriftSpec(DriftPolicy.Read(adapter.DriftJson).CanaryPrompts ?? drift.Value.CanaryPrompts, drift.Value.StopRows) : null,
            OutputFolder = folder,
        });
        return plan;
    }

    internal static int Threads(TrainingSettings settings) => settings.Threads > 0 ? settings.Threads : Environment.ProcessorCount;

    // What an earlier attempt has measured stands.
    private async Task<PreviewSpec> PreviewAsync(MergePreview preview, AdapterVersion version, string folder, CancellationToken cancellationToken)
    {
        var measured = PreviewPoint.Read(preview.PointsJson).Select(point => point.Lambda).ToHashSet();
        var lambdas = JsonSerializer.Deserialize<double[]>(preview.LambdasJson) ?? [];
        return new PreviewSpec(version.TaskId!, await FileAsync(version.StateSha256, folder, cancellationToken), version.Lambda, [.. lambdas.Where(lambda => !measured.Contains(lambda))], measured.Count);
    }

    // As forgetting is defined: the best score since the first task of the lineage; of equals the newest, which is the nearest.
    private async Task<Dictionary<string, ReferenceSpec>> ReferencesAsync(ServiceDbContext database, RunPlan plan, List<string> taskIds, string folder, CancellationToken cancellationToken)
    {
        var byNumber = plan.Learned.ToDictionary(version => version.Number);
        var cells = await database.MatrixCells.AsNoTracking().Where(row => row.AdapterId == plan.Adapter.Id && taskIds.Contains(row.TaskId)).ToListAsync(cancellationToken);
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
                each.Id, each.Name, await DatasetAsync(database, each.TrainDatasetId, folder, cancellationToken), await EvaluationAsync(database, each, folder, cancellationToken), settings?.MaxSequenceLength));
        }

        return new ForecastSpec(plan.Parent?.Number ?? 0, tasks);
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
            await DatasetAsync(database, task.EvaluationDatasetId, folder, cancellationToken),
            task.Metric,
            labels,
            labelsFromRows ? await DatasetAsync(database, task.TrainDatasetId, folder, cancellationToken) : null);
    }

    private async Task<StoredFile> DatasetAsync(ServiceDbContext database, string datasetId, string folder, CancellationToken cancellationToken)
    {
        Dataset dataset = await database.Datasets.AsNoTracking().SingleAsync(row => row.Id == datasetId, cancellationToken);
        return await FileAsync(dataset.Sha256, folder, cancellationToken);
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
