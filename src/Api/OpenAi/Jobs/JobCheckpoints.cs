using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.OpenAi.Jobs;

/// <summary>Shows what a job published: one version, or none yet.</summary>
internal sealed class JobCheckpoints(ServiceDbContext database)
{
    private const string Loss = "loss";

    public async Task<List<JobCheckpointResponse>> OfAsync(LearningTask task, CancellationToken cancellationToken)
    {
        if (await database.Versions.AsNoTracking().FirstOrDefaultAsync(row => row.TaskId == task.Id && row.MergePreviewId == null && row.UnlearningId == null, cancellationToken) is not { } version) return [];
        var adapter = await database.Adapters.AsNoTracking().FirstAsync(row => row.Id == task.AdapterId, cancellationToken);
        var last = await database.StepMetrics.AsNoTracking().Where(row => row.TaskId == task.Id)
            .OrderByDescending(row => row.Attempt).ThenByDescending(row => row.Step).FirstOrDefaultAsync(cancellationToken);
        var cell = await database.MatrixCells.AsNoTracking()
            .FirstOrDefaultAsync(row => row.AdapterId == task.AdapterId && row.VersionNumber == version.Number && row.TaskId == task.Id, cancellationToken);
        return
        [
            new JobCheckpointResponse
            {
                Id = JobIds.OfVersion(version.Id),
                CreatedAt = version.CreatedAt.ToUnixTimeSeconds(),
                FineTunedModelCheckpoint = FineTunedModels.NameOf(adapter, task.Id),
                StepNumber = task.Step,
                FineTuningJobId = JobIds.OfTask(task.Id),
                Metrics = new JobMetricsResponse
                {
                    Step = task.Step,
                    TrainLoss = last?.Loss,
                    FullValidLoss = task.Metric == Loss ? cell?.Score : null,
                    Metric = task.Metric,
                    Score = cell?.Score,
                    Rows = cell?.Count,
                    Low = cell?.Low,
                    High = cell?.High,
                    AverageAccuracy = version.AverageAccuracy,
                    BackwardTransfer = version.BackwardTransfer,
                    Forgetting = version.Forgetting,
                },
            },
        ];
    }
}
