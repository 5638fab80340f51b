using System.Text.Json;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Datasets;
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
    IDbContextFactory<ServiceDbContext> contexts, IObjectStore objects, DataFolder data, ModelCatalog models, IOptions<TrainingSettings> settings, ILogger<RunPreparation> logger)
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
        var plan = new RunPlan(task, adapter, ancestors, checkpoint, folder, preview);
        var model = models.Find(adapter.Model) ?? throw new ModelFormatException($"The base model '{adapter.Model}' is no longer in {models.Root}. Put its folder back there, then send the task again.");

        var taskIds = plan.Learned.Select(version => version.TaskId!).ToList();
        var learned = await database.Tasks.AsNoTracking().Where(row => taskIds.Contains(row.Id)).ToDictionaryAsync(row => row.Id, cancellationToken);
        var evaluations = new List<EvaluationSpec>();
        foreach (var each in preview is null ? taskIds.Select(id => learned[id]).Append(task) : taskIds.Select(id => learned[id]))
            if (await EvaluationAsync(database, each, folder, cancellationToken) is { } evaluation)
                evaluations.Add(evaluation);

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
            Preview = preview is null ? null : await PreviewAsync(database, preview, plan.Parent!, folder, cancellationToken),
            OutputFolder = folder,
        });
        return plan;
    }

    internal static int Threads(TrainingSettings settings) => settings.Threads > 0 ? settings.Threads : Environment.ProcessorCount;

    // What an earlier attempt has measured stands.
    private async Task<PreviewSpec> PreviewAsync(ServiceDbContext database, MergePreview preview, AdapterVersion version, string folder, CancellationToken cancellationToken)
    {
        var measured = PreviewPoint.Read(preview.PointsJson).Select(point => point.Merge()).ToHashSet();
        var merges = MergeSchedule.ReadAll(preview.LambdasJson).Where(merge => !measured.Contains(merge)).Select(merge => merge.Text);
        var own = await VersionMerge.OfAsync(database, version, cancellationToken);
        return new PreviewSpec(version.TaskId!, await FileAsync(version.StateSha256, folder, cancellationToken), own.Text, [.. merges], measured.Count);
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
