using ContinualService.Api.Errors;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Storage;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Replays;

/// <summary>The tasks of a lineage, and whether the rows that it takes to learn or score them once more are still there.</summary>
internal sealed class LineageRows(ServiceDbContext database, IObjectStore objects)
{
    /// <summary>In the order learned; an imported version has none.</summary>
    public async Task<IReadOnlyList<LearningTask>> TasksAsync(IReadOnlyList<AdapterVersion> lineage, CancellationToken cancellationToken)
    {
        List<string> ids = [.. lineage.Where(version => version.TaskId is not null).Select(version => version.TaskId!)];
        var tasks = await database.Tasks.AsNoTracking().Where(row => ids.Contains(row.Id)).ToDictionaryAsync(row => row.Id, cancellationToken);
        return ids.ConvertAll(id => tasks[id]);
    }

    /// <summary>Null: all are there.</summary>
    /// <param name="trained">Tasks that are learned once more.</param>
    /// <param name="scored">Tasks whose held-out rows are scored.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<Problem?> MissingAsync(IReadOnlyList<LearningTask> trained, IReadOnlyList<LearningTask> scored, CancellationToken cancellationToken)
    {
        List<(LearningTask Task, string DatasetId)> needed = [.. trained.Select(task => (task, task.TrainDatasetId)), .. scored.Where(task => task.EvaluationDatasetId is not null).Select(task => (task, task.EvaluationDatasetId!))];
        var ids = needed.ConvertAll(each => each.DatasetId);
        var digests = await database.Datasets.AsNoTracking().Where(row => ids.Contains(row.Id)).ToDictionaryAsync(row => row.Id, row => row.Sha256, cancellationToken);
        List<string> missing = [];
        foreach (var (task, datasetId) in needed)
            if (!digests.TryGetValue(datasetId, out var sha256) || await objects.StatAsync(sha256, cancellationToken) is null)
                missing.Add($"data set {datasetId} of task {task.Id} ({task.Name})");
        return missing.Count == 0 ? null : new Problem(
            ProblemTypes.WrongState, $"Rows that this takes were deleted: {string.Join(", ", missing)}. Have the operator restore them from a backup (the command verify names the object), then send this again.");
    }
}
