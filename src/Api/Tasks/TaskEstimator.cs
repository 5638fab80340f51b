using ContinualService.Domain.Tasks;
using ContinualService.Engine.Evaluation;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Tasks;

/// <summary>Says what a checked task would cost.</summary>
internal sealed class TaskEstimator(ServiceDbContext database)
{
    public async Task<TaskEstimate> EstimateAsync(TaskDraft draft, CancellationToken cancellationToken) => new(
        Valid: true,
        draft.Origin is AdapterOrigin.Present ? draft.Adapter.Id : null,
        draft.Model.Name,
        draft.Training.Examples.Count,
        draft.HeldOut?.Examples.Count ?? 0,
        draft.Training.DuplicateRows,
        draft.OverlapRows,
        draft.Size.Tokens,
        draft.Size.TrainedTokens,
        draft.Size.LongestRow,
        draft.Steps,
        draft.Metric.WireName(),
        await SecondsAsync(draft, cancellationToken),
        MemoryBytes: null);

    /// <summary>Steps at the pace of the last task that finished on this base here; only what was measured, never a guess.</summary>
    private async Task<double?> SecondsAsync(TaskDraft draft, CancellationToken cancellationToken)
    {
        var last = await database.Tasks.AsNoTracking()
            .Where(row => row.BaseDigest == draft.Model.Digest && row.Status == LearningTaskStatus.Succeeded && row.Kind == LearningTaskKind.Training)
            .OrderByDescending(row => row.Id).Select(row => row.Id).FirstOrDefaultAsync(cancellationToken);
        if (last is null) return null;
        var step = await database.StepMetrics.AsNoTracking().Where(row => row.TaskId == last)
            .OrderByDescending(row => row.Attempt).ThenByDescending(row => row.Step).FirstOrDefaultAsync(cancellationToken);
        if (step is not { Step: > 0, Tokens: > 0 }) return null;
        // Seconds per trained token carries over to other row lengths better than seconds per step.
        var tokensPerStep = (double)draft.Size.TrainedTokens * draft.Hyperparameters.BatchSize / draft.Training.Examples.Count;
        return Math.Round(step.Seconds / step.Tokens * tokensPerStep * draft.Steps, 1);
    }
}
